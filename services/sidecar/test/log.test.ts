import type { StoreObserver } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { describe, expect, it } from "vitest";
import { createLog } from "../src/log.js";
import { startTestSidecar } from "./sidecars.js";

describe("the log", () => {
  it("keeps to its level", () => {
    const lines: string[] = [];
    const log = createLog("warn", (text) => lines.push(text));
    log.error("one");
    log.warn("two");
    log.info("three");
    log.debug("four");
    expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual(["error one\n", "warn two\n"]);
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error one\n$/);
  });

  it("keeps what callers write on one line, and errors whole", () => {
    const lines: string[] = [];
    const log = createLog("info", (text) => lines.push(text));
    log.info("a", { path: "x\ny" });
    expect(lines[0]).toMatch(/ info a path="x\\ny"\n$/);
    log.info("b", { error: new Error("outer", { cause: new Error("inner") }) });
    expect(lines[1]).toMatch(/outer[\s\S]*log\.test\.ts[\s\S]*inner/);
  });

  it("tells once that the store is away, and once that it is back", async () => {
    const observers: StoreObserver[] = [];
    const store = Object.assign(memoryStore(), {
      observe: (observer: StoreObserver) => {
        observers.push(observer);
        return () => {};
      },
    });
    const logged: string[] = [];
    const sidecar = await startTestSidecar({ store, logged });
    for (const up of [true, false, false, true, true]) {
      for (const { availability } of observers) availability?.({ up });
    }
    expect(logged.map((line) => line.split(" ")[1])).toEqual(["error", "info"]);
    await sidecar.close();
  });
});

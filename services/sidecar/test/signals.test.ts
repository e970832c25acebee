import { afterEach, expect, it, vi } from "vitest";
import { createLog } from "../src/log.js";
import { heedSignals } from "../src/signals.js";

afterEach(() => vi.restoreAllMocks());

it("a sidecar that cannot end in good order says so, and ends the process with 1", async () => {
  const heeded = new Map<string | symbol, (signal: NodeJS.Signals) => void>();
  vi.spyOn(process, "on").mockImplementation((event, listener) => {
    heeded.set(event, listener);
    return process;
  });
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  const logged: string[] = [];
  const log = createLog("info", (line) => logged.push(line));
  const drain = () => Promise.reject(new Error("the store cannot be closed"));

  heedSignals(Promise.resolve({ sidecar: { drain, reload: () => {}, leasesHeld: 2 }, log }));
  heeded.get("SIGTERM")?.("SIGTERM");

  await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(1));
  expect(logged.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({
      level: "error",
      leases: 2,
      error: expect.objectContaining({ message: "the store cannot be closed" }),
    }),
  );
});

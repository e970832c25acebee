import { describe, expect, it } from "vitest";
import { Access } from "../src/access/access.js";
import type { Place as StoragePlace } from "../src/access/place.js";

class Place implements StoragePlace {
  readonly kept = new Map<string, string>();

  getItem(key: string) {
    return this.kept.get(key) ?? null;
  }

  setItem(key: string, value: string) {
    this.kept.set(key, value);
  }

  removeItem(key: string) {
    this.kept.delete(key);
  }
}

describe("the token of the page", () => {
  it("is asked for when the sidecar wants one, without a reproach the first time", () => {
    const access = new Access(new Place());
    expect(access.admission.value.asks).toBe(false);
    access.refused("unknown", undefined);
    expect(access.admission.value).toEqual({ token: undefined, asks: true, problem: undefined });
  });

  it("outlives a reload, and the form stays until the sidecar has taken it", () => {
    const place = new Place();
    const access = new Access(place);
    access.use("secret");
    expect(access.admission.value).toEqual({ token: "secret", asks: true, problem: undefined });
    access.accepted();
    expect(access.admission.value.asks).toBe(false);
    expect(new Access(place).token).toBe("secret");
  });

  it("is forgotten when it is refused, and the form says why", () => {
    const place = new Place();
    const access = new Access(place);
    access.use("secret");
    access.refused("unknown", "secret");
    expect(access.admission.value).toEqual({ token: undefined, asks: true, problem: "unknown" });
    expect(place.kept.size).toBe(0);
  });

  it("is not sent where no header carries it, and the form says so", () => {
    const place = new Place();
    const access = new Access(place);
    for (const text of ["a–b", "two words", "\u00fc", ""]) {
      expect(access.use(text), text).toBe(false);
      expect(access.admission.value).toMatchObject({ token: undefined, asks: true });
      expect(access.admission.value.problem).toContain("ASCII");
    }
    expect(place.kept.size).toBe(0);
    expect(access.use("a-token_0123/+=")).toBe(true);
  });

  it("stays when a call is refused that was sent with the one before", () => {
    const access = new Access(new Place());
    access.use("old");
    access.use("new");
    access.refused("unknown", "old");
    expect(access.token).toBe("new");
  });

  it("is forgotten by signing out", () => {
    const place = new Place();
    const access = new Access(place);
    access.use("secret");
    access.accepted();
    access.signOut();
    expect(access.admission.value).toEqual({ token: undefined, asks: true, problem: undefined });
    expect(place.kept.size).toBe(0);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Store } from "../../src/store.js";
import { openMemoryStore } from "../../src/stores/memory/index.js";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** A directory of this test's own. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens a store that is closed with the test at the latest. */
export async function open(stateDir: string, options: { maxLeaseMs?: number } = {}): Promise<Store> {
  const store = await openMemoryStore({ stateDir, ...options });
  cleanups.push(() => store.close());
  return store;
}

export function fileOf(directory: string): string {
  return join(directory, "state.json");
}

export function remembered(directory: string): Record<string, unknown> {
  return JSON.parse(readFileSync(fileOf(directory), "utf8"));
}

/** Writes what a store would have left. */
export function leave(directory: string, state: Record<string, unknown> = {}): void {
  const usual = { format: 1, clean: true, fence: 0, longestLeaseMs: 0, semaphores: [] };
  writeFileSync(fileOf(directory), JSON.stringify({ ...usual, ...state }));
}

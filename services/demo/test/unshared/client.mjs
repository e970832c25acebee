import { memoryStore } from "@sluice/core/memory";

/** A broken client: each process counts for itself, though all of them name the same sidecar. */
export function sidecarStore() {
  return memoryStore();
}

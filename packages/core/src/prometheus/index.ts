export { type MeteredStore, type MeteredStoreOptions, meteredStore } from "./metered-store.js";
export type { ReleaseReason } from "./semaphore-meter.js";

export { type MemoryStateOptions, openMemoryStore } from "./open.js";
export { type MemoryStoreOptions, memoryStore } from "./store.js";

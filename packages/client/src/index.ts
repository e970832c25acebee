export type { SidecarStoreOptions } from "./options.js";
export { sidecarStore } from "./sidecar-store.js";

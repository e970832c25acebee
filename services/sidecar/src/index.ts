export { createApp } from "./app.js";
export { type SidecarParts, startSidecar } from "./compose.js";
export { Context, type ContextOptions } from "./context.js";
export { createLog, type Log } from "./log.js";
export { readSettings, type Settings, SettingsError } from "./settings.js";
export type { Sidecar } from "./sidecar.js";

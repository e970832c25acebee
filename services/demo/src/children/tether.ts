/**
 * Loaded before a child's own program (`node --import`), so that a child never outlives the demo: when the parent
 * ends, however it ends, the channel to it closes.
 */
process.once("disconnect", () => process.exit());
if (!process.connected) process.exit();
// Listening alone must not keep a program alive that has nothing left to do.
process.channel?.unref();

// Ctrl-C and a closed terminal reach the whole group; the parent decides what follows.
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});

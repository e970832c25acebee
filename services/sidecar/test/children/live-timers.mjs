// Counts the timers that are set. Imported before everything whose timers count.
const live = new Set();

/** How many there are now, of those that global functions have set. */
export const liveTimers = () => live.size;

function counted(set, isOver) {
  const setCounted = (callback, ms, ...args) => {
    const timer = set(
      (...given) => {
        if (isOver) live.delete(timer);
        callback(...given);
      },
      ms,
      ...args,
    );
    live.add(timer);
    return timer;
  };
  // What `promisify` makes of it.
  return Object.defineProperties(setCounted, Object.getOwnPropertyDescriptors(set));
}

function forgetting(clear) {
  return (timer) => {
    live.delete(timer);
    clear(timer);
  };
}

globalThis.setTimeout = counted(setTimeout, true);
globalThis.setInterval = counted(setInterval, false);
globalThis.clearTimeout = forgetting(clearTimeout);
globalThis.clearInterval = forgetting(clearInterval);

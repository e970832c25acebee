// Says what its clocks show: the time of day by either way to ask, a date that was given, and 50 ms as a timer has them.
const from = performance.now();
setTimeout(() => {
  const waitedMs = performance.now() - from;
  const fixed = new Date(Date.UTC(2020, 0, 2)).toISOString();
  console.log(
    JSON.stringify({ now: Date.now(), constructed: Date.parse(new Date().toISOString()), fixed, waitedMs }),
  );
}, 50);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An age or a wait for people to read, in its two largest units: "12 s", "3 min 05 s", "2 h 10 min", "4 d 3 h". */
export function ageWords(ms: number): string {
  if (ms < SECOND) return "<1 s";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${twoDigits((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${twoDigits((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** What is left of a time: never more than is left, and "now" at its end. */
export function leftWords(ms: number): string {
  return ms <= 0 ? "now" : ageWords(ms);
}

/** A duration that somebody has set, with nothing rounded away: "500 ms", "1.5 s", "10 s", "5 min". */
export function settingWords(ms: number): string {
  if (ms < SECOND) return `${ms} ms`;
  if (ms % HOUR === 0) return `${ms / HOUR} h`;
  if (ms % MINUTE === 0) return `${ms / MINUTE} min`;
  return `${ms / SECOND} s`;
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

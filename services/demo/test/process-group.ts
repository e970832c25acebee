import { readdirSync, readFileSync } from "node:fs";

/** Whether a process of this group lives. One that has ended and that nobody has waited for does not count. */
export function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return (
    process.platform !== "linux" ||
    readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && livesIn(group, pid))
  );
}

function livesIn(group: number, pid: string): boolean {
  try {
    // pid (name) state parent group …; the name may hold anything.
    const [state, , itsGroup] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return Number(itsGroup) === group && state !== "Z";
  } catch {
    return false;
  }
}

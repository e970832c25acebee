import { type Child, type Children, firstMessage } from "../children/children.js";
import { type AppOptions, toArgs } from "./options.js";
import type { AppReport } from "./report.js";

/** An app process that is ready to go. */
export interface App {
  readonly child: Child;
  /** Lets its tasks begin; each change of a task is told to `onReport`. */
  go(onReport: (report: AppReport) => void): void;
}

export async function startApp(children: Children, options: AppOptions): Promise<App> {
  const child = children.fork(new URL("main.js", import.meta.url), toArgs(options));
  await firstMessage<AppReport>(child, `app ${options.app}`);
  return {
    child,
    go: (onReport) => {
      child.process.on("message", (message) => onReport(message as AppReport));
      // A child that has just been killed is told of by `exited`, not here.
      child.process.send({ event: "go" }, () => {});
    },
  };
}

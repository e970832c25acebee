import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "@sluice/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../../toolchain/places.mjs";
import { blocksOf, commandsIn, patternOf, runElsewhere } from "./executions.js";
import { runProgram, runScript } from "./scripts.js";
import { Servers } from "./servers.js";

const timeout = 300_000;

const work = mkdtempSync(join(tmpdir(), "sluice-commands-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A page whose other blocks `getting-started.system.test.ts` runs, one after the other. */
const followed = "docs/getting-started.md";
const inClone = blocksOf("root").filter(({ document }) => document !== followed);

/** A text with folders of this test instead of those that readers are told of. */
function inWork(text: string): string {
  return text
    .replaceAll("/tmp/sluice", join(work, "tarballs"))
    .replaceAll("../your-service", join(work, "your-service"));
}

describe("in a clone", () => {
  it.each(inClone)(
    "the commands of $document, line $block.line, do what they say",
    { timeout },
    async ({ document, block }) => {
      const commands = commandsIn(block).filter((command) => !(command in runElsewhere));
      mkdirSync(join(work, "your-service"), { recursive: true });
      await using servers = new Servers(document);
      await servers.start();
      const { stdout } = await runScript(inWork(servers.placedIn(commands.join("\n"))), root);
      if (block.prints !== undefined) expect(stdout).toMatch(patternOf(block));
    },
  );
});

it.each(blocksOf("python"))(
  "the Python of $document, line $block.line, does what it says",
  { timeout },
  async ({ document, block }) => {
    await using servers = new Servers(document);
    await servers.start();
    const { stdout, stderr } = await runProgram("python3", ["-c", servers.placedIn(block.text)], work);
    expect(stderr).toBe("");
    expect(stdout).toMatch(patternOf(block));
  },
);

const starts = blocksOf("starts").flatMap(({ document, block }) =>
  commandsIn(block).map((command) => ({ document, command })),
);

describe("a sidecar that is started as a document says", () => {
  it.each(starts)(
    "answers, and ends when it is asked to: $command ($document)",
    { timeout },
    async ({ document, command }) => {
      await using servers = new Servers(document);
      await servers.start();
      const port = await freePort();
      const program = start(servers.placedIn(command), { SLUICE_PORT: `${port}` });
      const ended = once(program, "exit");
      try {
        const answers = () => fetch(`http://127.0.0.1:${port}/readyz`);
        await until(async () => (await answers()).ok, { what: command, timeoutMs: 60_000 });
        signalGroup(program, "SIGTERM");
        await ended;
        await expect.poll(() => answers().catch(() => "nobody"), { timeout: 30_000 }).toBe("nobody");
      } finally {
        signalGroup(program, "SIGKILL");
      }
    },
  );
});

/** In a process group of its own: npm starts a shell, and that the program. */
function start(command: string, env: Readonly<Record<string, string>>): ChildProcess {
  return spawn("sh", ["-euc", command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "ignore",
    detached: true,
  });
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(pid ?? Number.NaN), signal);
  } catch {
    // Nobody is left in it.
  }
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type EndlessSettings, endlessUsage, parseEndlessSettings } from "../../src/endless/settings.js";
import { UsageError, usage } from "../../src/settings.js";

const DEFAULTS: EndlessSettings = {
  sidecars: ["http://127.0.0.1:7077"],
  token: undefined,
  processes: 4,
  killEveryMs: 60_000,
  statusPort: undefined,
};

const folder = mkdtempSync(join(tmpdir(), "sluice-demo-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(text: string): string {
  const file = join(folder, "token");
  writeFileSync(file, text);
  return file;
}

describe("the settings of load without end", () => {
  it("lead to the sidecar of npm start, which asks for no token, unless told otherwise", () => {
    expect(parseEndlessSettings(["--endless"], {})).toEqual(DEFAULTS);
  });

  it("take every option, with a space or an equals sign", () => {
    const args = [
      "--endless",
      "--sidecars",
      "http://a:1, https://b:2",
      "--processes=3",
      "--kill-every-ms",
      "5000",
    ];
    expect(parseEndlessSettings([...args, "--status-port=7070"], {})).toEqual({
      sidecars: ["http://a:1", "https://b:2"],
      token: undefined,
      processes: 3,
      killEveryMs: 5_000,
      statusPort: 7_070,
    });
  });

  it("take the token of a file, the line's end aside, before that of the environment", () => {
    const environment = { SLUICE_TOKEN: "of-the-environment" };
    expect(parseEndlessSettings([], environment)).toMatchObject({ token: "of-the-environment" });
    const args = ["--token-file", fileWith("of-the-file\n")];
    expect(parseEndlessSettings(args, environment)).toMatchObject({ token: "of-the-file" });
  });

  it.each(["", "two words", "two\nlines"])("refuse a file that holds %j, and do not repeat it", (text) => {
    const file = fileWith(text);
    const expected = `${file} must hold one token: printable ASCII characters, no spaces`;
    expect(() => parseEndlessSettings(["--token-file", file], {})).toThrow(new UsageError(expected));
  });

  it("say which option names a file that is not there", () => {
    expect(() => parseEndlessSettings(["--token-file", join(folder, "none")], {})).toThrow(
      /^--token-file: ENOENT/,
    );
  });

  it.each([
    [
      ["--sidecars", "a:7077"],
      '--sidecars must be URLs such as http://127.0.0.1:7077, with commas between them; got "a:7077"',
    ],
    [
      ["--sidecars", "http://a,"],
      '--sidecars must be URLs such as http://127.0.0.1:7077, with commas between them; got ""',
    ],
    [["--processes", "0"], '--processes must be a whole number from 1 to 32; got "0"'],
    [["--kill-every-ms", "1"], '--kill-every-ms must be a whole number from 1000 to 3600000; got "1"'],
    [["--status-port", "0"], '--status-port must be a whole number from 1 to 65535; got "0"'],
  ])("refuse %j and say what they expected", (args, message) => {
    expect(() => parseEndlessSettings(args, {})).toThrow(new UsageError(message));
  });

  it("refuse the options of the comparison", () => {
    expect(() => parseEndlessSettings(["--endless", "--tasks", "3"], {})).toThrow(UsageError);
  });
});

describe("the help", () => {
  it("names every option with its default, within 80 columns", () => {
    for (const option of [
      "--sidecars",
      "--token-file",
      "--processes",
      "--kill-every-ms",
      "--status-port",
      "--help",
    ])
      expect(endlessUsage()).toContain(`  ${option}`);
    expect(endlessUsage()).toMatch(/--kill-every-ms MS .*\(60000\)/);
    for (const line of endlessUsage().split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("of the comparison tells that there is load without end", () => {
    expect(usage()).toContain("--endless --help");
    expect(parseEndlessSettings(["--endless", "--help"], {})).toBe("help");
  });
});

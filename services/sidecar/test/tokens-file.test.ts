import { chmodSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { isReadableByOthers, readTokens } from "../src/settings/tokens.js";
import { readSettings, SettingsError } from "../src/settings.js";
import { warningsOf } from "../src/warnings.js";
import { Folder } from "./folders.js";

const folder = new Folder();

afterAll(() => folder[Symbol.dispose]());

const read = (text: string) =>
  readTokens({ token: undefined, tokensFile: folder.write("tokens.yaml", text) });

/** The faults of a file, each without the folder that the file is in. */
function faultsOf(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof SettingsError)
      return error.faults.map((fault) => fault.replace(/^.*tokens\.yaml:/, ""));
    throw error;
  }
  throw new Error("the file is good");
}

describe("a file of tokens", () => {
  it("is YAML, or JSON", () => {
    const tokens = [
      { name: "ci", token: "0123456789abcdef", scopes: ["use", "read"] },
      { name: "on-call", token: "fedcba9876543210", scopes: ["operate"] },
    ];
    expect(read(JSON.stringify({ tokens }, undefined, "\t"))).toEqual(tokens);
    expect(
      read(`tokens:
  - name: ci
    token: 0123456789abcdef
    scopes: [use, read]
  - { name: on-call, token: "fedcba9876543210", scopes: [operate] }
`),
    ).toEqual(tokens);
  });

  it("is told line by line what is wrong with it, and no token is repeated", () => {
    const faults = faultsOf(`tokens:
  - name: ci ci
    token: hunter2
    scopes: [use, dance]
  - token: hunter2hunter2 hunter2
    scopes: []
    color: red
  - name: number
    token: 12345678901234567
    scopes: use
`);
    expect(faults).toEqual([
      "2:11: tokens[0].name must be 1 to 64 letters, digits, or . _ -, a letter or digit first",
      "3:12: tokens[0].token must be 16 to 512 printable ASCII characters, no spaces",
      "4:19: tokens[0].scopes[1] must be one of use, read, operate",
      "5:5: tokens[1].name must be 1 to 64 letters, digits, or . _ -, a letter or digit first",
      "5:12: tokens[1].token must be 16 to 512 printable ASCII characters, no spaces",
      "6:13: tokens[1].scopes must be a list of at least one of use, read, operate",
      "7:5: tokens[1].color must be left out; no such field is known here",
      "9:12: tokens[2].token must be 16 to 512 printable ASCII characters, no spaces",
      "10:13: tokens[2].scopes must be a list of use, read, operate",
    ]);
  });

  it("tells two of one name, or of one secret, apart by nothing, and is refused", () => {
    const one = "  - { name: a, token: 0123456789abcdef, scopes: [use] }\n";
    expect(faultsOf(`tokens:\n${one}${one}`)).toEqual([
      "3:13: tokens[1].name must be different from those before it",
      "3:23: tokens[1].token must be different from those before it",
    ]);
  });

  it.each([
    ["", ["1:1: the file must be a mapping with tokens"]],
    ["tokens: []", ["1:9: tokens must be a list of at least one token"]],
    ["tokens: [hunter2hunter2hunter2]", ["1:10: tokens[0] must be a mapping with name, token, scopes"]],
    ["tokens: [*hunter2hunter2hunter2]", ["1:10: it must be YAML or JSON"]],
    ['tokens: "hunter2hunter2hunter2', ["1:31: it must be YAML or JSON"]],
  ])("is refused where it is %j", (text, faults) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  it("that cannot be read says which setting names it", () => {
    const tokensFile = `${folder.path}/none`;
    expect(() => readTokens({ token: undefined, tokensFile })).toThrow(/^SLUICE_TOKENS_FILE: ENOENT.*none/);
  });

  it("that every user may read gets a warning", () => {
    const warnings = (mode: number) =>
      warningsOf(
        readSettings({
          REDIS_URL: "redis://localhost",
          SLUICE_TOKENS_FILE: folder.write("tokens.yaml", "tokens: []", mode),
        }),
      );
    chmodSync(folder.path, 0o711);
    expect(warnings(0o640)).toEqual([]);
    expect(warnings(0o644)).toEqual([
      expect.stringMatching(/every user .* may read .*tokens\.yaml: chmod o-r/),
    ]);
  });

  it("gets no warning in a folder that is closed to others, nor where a container has its secrets", () => {
    const file = folder.write("tokens.yaml", "tokens: []", 0o644);
    chmodSync(folder.path, 0o711);
    expect(isReadableByOthers(file)).toBe(true);
    expect(isReadableByOthers(file, folder.path)).toBe(false);
    chmodSync(folder.path, 0o700);
    expect(isReadableByOthers(file)).toBe(false);
  });
});

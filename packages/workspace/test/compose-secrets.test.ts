import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isReadableByOthers, readTokens } from "../../../services/sidecar/dist/settings/tokens.js";
import { makeSecrets, secretFiles } from "../compose/secrets.mjs";
import { root } from "../toolchain/places.mjs";
import { compose, textOf } from "./compose/file.js";

const files = Object.values(secretFiles);

/** A clone in which nothing was made yet. */
function newClone(): string {
  const clone = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
  onTestFinished(() => rmSync(clone, { recursive: true, force: true }));
  return clone;
}

function read(clone: string, file: string): string {
  return readFileSync(join(clone, file), "utf8");
}

function writeTokens(clone: string, tokens: readonly unknown[]): void {
  writeFileSync(join(clone, secretFiles.tokens), JSON.stringify({ tokens }));
}

function tokensIn(clone: string) {
  return readTokens({ token: undefined, tokensFile: join(clone, secretFiles.tokens) });
}

describe("npm run secrets", () => {
  it("makes one token for each caller, of what it needs, and one password", () => {
    const clone = newClone();
    expect(makeSecrets(clone).sort()).toEqual([...files].sort());
    expect(tokensIn(clone)).toEqual([
      { name: "demo", token: read(clone, secretFiles.demo).trim(), scopes: ["use"] },
      { name: "prometheus", token: read(clone, secretFiles.prometheus).trim(), scopes: ["read"] },
      { name: "on-call", token: read(clone, secretFiles.onCall).trim(), scopes: ["operate"] },
    ]);
    const secrets = [...tokensIn(clone).map(({ token }) => token), read(clone, secretFiles.grafana).trim()];
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(secrets).size).toBe(4);
  });

  it("lets every user of a container read them, and of this host none but their owner", () => {
    const clone = newClone();
    const umask = process.umask(0o077);
    makeSecrets(clone);
    process.umask(umask);
    for (const file of files) {
      expect(statSync(join(clone, file)).mode & 0o777, file).toBe(0o644);
      expect(statSync(join(clone, dirname(file))).mode & 0o777, file).toBe(0o700);
      expect(isReadableByOthers(join(clone, file)), file).toBe(false);
    }
  });

  it("lets them be read by whom they are for, also where they were put there otherwise", () => {
    const clone = newClone();
    makeSecrets(clone);
    for (const file of files) {
      chmodSync(join(clone, file), 0o600);
      chmodSync(join(clone, dirname(file)), 0o755);
    }
    expect(makeSecrets(clone)).toEqual([]);
    for (const file of files) {
      expect(statSync(join(clone, file)).mode & 0o777, file).toBe(0o644);
      expect(statSync(join(clone, dirname(file))).mode & 0o777, file).toBe(0o700);
    }
  });

  it("leaves what is there as it is", () => {
    const clone = newClone();
    makeSecrets(clone);
    const before = files.map((file) => read(clone, file));
    expect(makeSecrets(clone)).toEqual([]);
    expect(files.map((file) => read(clone, file))).toEqual(before);
  });

  it.each(files)("makes %s again where it was deleted, so that all agree", (file) => {
    const clone = newClone();
    makeSecrets(clone);
    const before = read(clone, file);
    rmSync(join(clone, file));
    expect(makeSecrets(clone)).toEqual([file]);
    // A password is kept nowhere else; what is known of a token is.
    expect(read(clone, file) === before).toBe(file !== secretFiles.grafana);
  });

  it("gives a caller a new token where both files had it no more, and nobody else", () => {
    const clone = newClone();
    makeSecrets(clone);
    const [demo, ...others] = tokensIn(clone);
    const ofAProgram = { name: "of-a-program", token: "a-token-that-somebody-added", scopes: ["use"] };
    writeTokens(clone, [...others, ofAProgram]);
    rmSync(join(clone, secretFiles.demo));
    expect(makeSecrets(clone).sort()).toEqual([secretFiles.demo, secretFiles.tokens]);
    const tokens = tokensIn(clone);
    expect(tokens.slice(0, -1)).toEqual([...others, ofAProgram]);
    expect(tokens.at(-1)).toMatchObject({ name: "demo", token: read(clone, secretFiles.demo).trim() });
    expect(tokens.at(-1)?.token).not.toBe(demo?.token);
  });

  it("names the files that do not agree, and repeats no secret", () => {
    const clone = newClone();
    makeSecrets(clone);
    writeFileSync(join(clone, secretFiles.prometheus), "another-token-of-prometheus\n");
    expect(() => makeSecrets(clone)).toThrow(
      `${secretFiles.tokens} and ${secretFiles.prometheus} do not hold the same token of "prometheus": delete the one that is wrong, and call this again`,
    );
    for (const text of ["tokens: []", '{"tokens": [null]}', ""]) {
      writeFileSync(join(clone, secretFiles.tokens), text);
      expect(() => makeSecrets(clone)).toThrow(
        `${secretFiles.tokens} must be JSON, as this command writes it`,
      );
    }
  });

  it.each(["", "short", "two words of a long token"])("makes nothing of a token that is %j", (text) => {
    const clone = newClone();
    const file = join(clone, secretFiles.demo);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    expect(() => makeSecrets(clone)).toThrow(
      `${secretFiles.demo} holds no token: delete it, and call this again`,
    );
    expect(readdirSync(join(clone, "services"))).toEqual(["demo"]);
  });

  it("says where they are, and not what they are", () => {
    const clone = newClone();
    for (const part of ["secrets.mjs", "commands/secrets.mjs", "compose", "toolchain"])
      cpSync(join(root, "packages/workspace", part), join(clone, "packages/workspace", part), {
        recursive: true,
      });
    const command = join(clone, "packages/workspace/secrets.mjs");
    const { stdout, stderr, status } = spawnSync(process.execPath, [command], { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
    for (const file of files) expect(stderr).toContain(`sluice: wrote ${file}\n`);
    expect(stderr).toContain(`cat ${secretFiles.onCall}`);
    for (const { token } of tokensIn(clone)) expect(stderr).not.toContain(token);
  });
});

describe("secrets", () => {
  it("are not committed", () => {
    expect(textOf(".gitignore").split("\n")).toContain("services/*/secrets/");
    for (const file of files) expect(file).toMatch(/^services\/[^/]+\/secrets\//);
  });

  it("are in no image", () => {
    const dockerfiles = Object.values(compose.services).flatMap(({ build }) => build?.dockerfile ?? []);
    for (const file of new Set(dockerfiles))
      expect(textOf(`${file}.dockerignore`).split("\n"), file).toContain("**/secrets");
  });
});

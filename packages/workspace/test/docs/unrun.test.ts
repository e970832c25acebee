import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { root } from "../../toolchain/places.mjs";
import { blocksOf, commandsIn, type Placed } from "./executions.js";
import { codeIn, documents, tableIn } from "./markdown.js";
import { takeApart, variablesIn } from "./shell-words.js";

// No test has a container engine or a cluster. What documents tell readers to say to one is therefore read here: each
// command must be known with its options, and what it names must be there.

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const composeText = readFileSync(join(root, "docker-compose.yml"), "utf8");
const compose = parse(composeText);
const settings = tableIn("README.md", ["variable", "default", "meaning"]).map(([name = ""]) => name);
const passedOn = [...composeText.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);

/** What is asked of a word; it fails the test otherwise. */
type Rule = (word: string) => void;

/** Options of a command; those that take a value have a rule for it. */
interface Usage {
  readonly options: Readonly<Record<string, Rule | "flag">>;
  readonly operands: Rule;
}

const anything: Rule = () => {};
const nothing: Rule = (word) => expect.unreachable(`"${word}" is one word too many`);
const service: Rule = (word) => expect(Object.keys(compose.services)).toContain(word);
const path: Rule = (word) => expect(existsSync(join(root, word)), `${word} is there`).toBe(true);
const setting: Rule = (word) => expect(settings).toContain(word.split("=")[0]);
const image: Rule = (word) => expect(knownImages()).toContain(word);
const object: Rule = (word) => expect(kubernetesObjects()).toContain(word.toLowerCase());

const usages: Readonly<Record<string, Usage>> = {
  "npm run": { options: {}, operands: script },
  "docker compose up": {
    options: {
      "--build": "flag",
      "--detach": "flag",
      "--force-recreate": "flag",
      "--no-deps": "flag",
      "--wait": "flag",
    },
    operands: service,
  },
  "docker compose exec grafana grafana cli admin reset-admin-password": {
    options: { "--password-from-stdin": "flag" },
    operands: nothing,
  },
  "docker compose down": { options: { "--volumes": "flag" }, operands: nothing },
  "docker compose ps": { options: {}, operands: service },
  "docker compose logs": { options: { "--follow": "flag" }, operands: service },
  "docker compose stop": { options: {}, operands: service },
  "docker build": { options: { "--file": path, "--tag": anything }, operands: path },
  "docker run": {
    options: {
      "--rm": "flag",
      "--env": setting,
      "--publish": port,
    },
    operands: image,
  },
  "kubectl apply": { options: { "--filename": path, "--namespace": anything }, operands: nothing },
  "kubectl create secret generic": {
    options: { "--from-file": secretKey, "--from-literal": secretKey, "--namespace": anything },
    operands: anything,
  },
  "kubectl create configmap": {
    options: { "--from-file": path, "--namespace": anything },
    operands: anything,
  },
  "kubectl label configmap": { options: { "--namespace": anything }, operands: anything },
  "kubectl rollout status": { options: { "--namespace": anything }, operands: object },
  "kubectl logs": { options: { "--container": container, "--follow": "flag" }, operands: object },
};

const blocks = blocksOf("unrun");

describe.each(blocks)("the commands in $document, line $block.line, that no test runs", (placed) => {
  it.each(commandsIn(placed.block))("could be run: %s", (line) => {
    const { variables, words } = takeApart(line);
    for (const name of variables.keys()) expect([...settings, ...passedOn]).toContain(name);
    for (const name of variablesIn(line)) expect(assignedIn(placed)).toContain(name);
    check(words);
  });
});

it.each(composeInProse())("%s could be run, in %s", (line) => {
  const { variables, words } = takeApart(line);
  for (const name of variables.keys()) expect(passedOn).toContain(name);
  check(words);
});

it("knows no command that no document tells readers to run", () => {
  const lines = blocks.flatMap(({ block }) => commandsIn(block));
  const told = [...lines, ...composeInProse().map(([line]) => line)].map((line) =>
    takeApart(line).words.join(" "),
  );
  const unknown = Object.keys(usages).filter((usage) => !told.some((line) => line.startsWith(usage)));
  expect(unknown).toEqual([]);
});

/** What running text tells readers to say to Compose, each with its document. */
function composeInProse(): (readonly [line: string, document: string])[] {
  return documents().flatMap((document) =>
    codeIn(document)
      .filter((code) => /^(\w+=\S* )*docker compose /.test(code))
      .map((code) => [code, document] as const),
  );
}

function check(words: readonly string[]): void {
  const name = Object.keys(usages).find((usage) => words.join(" ").startsWith(usage));
  const usage = usages[name ?? ""];
  if (!name || !usage) throw new Error(`nobody has said how to check: ${words.join(" ")}`);
  const rest = words.slice(name.split(" ").length);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith("--")) {
      usage.operands(word);
      continue;
    }
    const [option = "", value] = word.split(/=(.*)/s);
    const rule = usage.options[option];
    if (rule === undefined) throw new Error(`${name} is not known to have ${option}`);
    if (rule !== "flag") rule(value ?? rest.shift() ?? "");
  }
}

function script(word: string): void {
  expect(Object.keys(scripts)).toContain(word);
}

/** Of the host, perhaps with an address, and of the container, which must be the sidecar's. */
function port(word: string): void {
  expect(word).toMatch(/^([\d.]+:)?\d+:7077$/);
}

/** Those that a document builds, or the Compose file names. */
function knownImages(): string[] {
  const built = blocks
    .flatMap(({ block }) => commandsIn(block))
    .map((line) => /^docker build .*--tag (\S+)/.exec(line)?.[1]);
  const named = Object.values<{ readonly image?: string }>(compose.services).map((one) => one.image);
  return [...built, ...named].filter((name) => name !== undefined);
}

function container(word: string): void {
  expect(manifests().join("\n")).toMatch(new RegExp(`^ *- name: ${word}$`, "m"));
}

function manifests(): string[] {
  const folder = join(root, "docs/kubernetes");
  const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file));
  return files.map((file) => readFileSync(join(folder, file), "utf8"));
}

/** A key that pods ask for, perhaps with its value, or the file of that name. */
function secretKey(word: string): void {
  const { stringData } = parse(readFileSync(join(root, "docs/kubernetes/secret.yaml"), "utf8"));
  expect(Object.keys(stringData)).toContain(word.split("=")[0]);
}

/** As `deployment/sluice`. */
function kubernetesObjects(): string[] {
  const objects = manifests().flatMap((text) => parseAllDocuments(text));
  return objects.map((one) => `${one.get("kind")}/${one.getIn(["metadata", "name"])}`.toLowerCase());
}

/** The variables that the document has given a value in a block that readers run before. */
function assignedIn({ document, block }: Placed): string[] {
  const before = blocksOf("unrun").filter(
    (other) => other.document === document && other.block.line <= block.line,
  );
  return before.flatMap(({ block: { text } }) =>
    [...text.matchAll(/^(\w+)=/gm)].map(([, name = ""]) => name),
  );
}

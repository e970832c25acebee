import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "@sluice/core";
import type { z } from "zod";
import { SettingsError } from "../settings/reader.js";
import { LocatedYaml, nameOf, type Path, type YamlFault } from "./located-yaml.js";

export interface CheckOptions {
  /** Nothing that the file holds is repeated; false when left out. */
  readonly secret?: boolean;
}

type Issue = z.core.$ZodIssue;

/**
 * What a YAML or JSON file holds, as its schema describes it.
 *
 * @param variable the setting that names the file
 * @throws SettingsError with the line, the column and the field of every fault
 */
export function readChecked<Schema extends z.ZodType>(
  variable: string,
  file: string,
  schema: Schema,
  options: CheckOptions = {},
): z.output<Schema> {
  return check(file, textOf(variable, file), schema, options);
}

/** As `readChecked`, of a text; `file` is what the faults call it. */
export function check<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
  { secret = false }: CheckOptions = {},
): z.output<Schema> {
  const document = new LocatedYaml(text);
  if (document.faults.length > 0) throw new SettingsError(linesOf(file, document.faults, secret));
  const result = schema.safeParse(document.value, { reportInput: !secret });
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, document, secret));
  throw new SettingsError(linesOf(file, faults, secret));
}

function textOf(variable: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new SettingsError([`${variable}: ${(error as Error).message}`]);
  }
}

/** In the order of the file; a value can break several rules, and the first one says it. */
function linesOf(file: string, faults: readonly YamlFault[], secret: boolean): string[] {
  const byPlace = new Map<string, string>();
  const inOrder = [...faults].sort((one, other) => one.line - other.line || one.column - other.column);
  for (const { line, column, field = "it", expected, said } of inOrder) {
    const place = `${file}:${line}:${column}`;
    const key = `${place} ${field}`;
    if (byPlace.has(key)) continue;
    byPlace.set(key, `${place}: ${field} must be ${expected}${said && !secret ? `; ${said}` : ""}`);
  }
  return [...byPlace.values()];
}

function faultsOf(issue: Issue, document: LocatedYaml, secret: boolean): YamlFault[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => atKey(document, [...path, key], "left out; no such field is known here"));
  }
  if (issue.code === "invalid_key") return [atKey(document, path, issue.issues[0]?.message ?? issue.message)];
  const field = nameOf(path) || "the file";
  const fault = { ...document.placeOf(path), field, expected: issue.message };
  return [secret ? fault : { ...fault, said: receivedBy(field, issue) }];
}

function atKey(document: LocatedYaml, path: Path, expected: string): YamlFault {
  return { ...document.placeOfKey(path), field: nameOf(path), expected };
}

/** `got "ten"`, as it stands in the message of every bad argument. */
function receivedBy(field: string, { message, input }: Issue): string {
  return new InvalidArgumentError(field, message, input).message.slice(
    `${field} must be ${message}; `.length,
  );
}

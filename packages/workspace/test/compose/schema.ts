import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";

/** The schema of the Compose specification, as a linter of Compose files ships it. */
function publishedSchema(): object {
  const linter = dirname(createRequire(import.meta.url).resolve("dclint/package.json"));
  // It names its draft by an address that no validator knows; it is draft 7, which is what validators assume.
  const { $schema, ...schema } = JSON.parse(
    readFileSync(join(linter, "schemas/compose.schema.json"), "utf8"),
  );
  return schema;
}

const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(
  publishedSchema(),
);

/** What the Compose specification finds wrong in a file, or in a part of one. */
export function faultsOf(file: unknown): readonly string[] {
  validate(file);
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${instancePath} ${message} ${JSON.stringify(params)}`;
  });
}

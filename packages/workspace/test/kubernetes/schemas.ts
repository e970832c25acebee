import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../toolchain/places.mjs";
import type { Manifest } from "./manifests.js";

const require = createRequire(import.meta.url);
const run = promisify(execFile);

interface Model {
  validate(): void;
}

/** What the validators that were made from the OpenAPI document of Kubernetes find wrong; they pass over unknown fields. */
export function faultOf(manifest: Manifest): string | undefined {
  const group: Readonly<Record<string, new (manifest: Manifest) => Model>> = require(
    `kubernetes-models/${manifest.apiVersion}`,
  );
  const Kind = group[manifest.kind];
  if (Kind === undefined) return `${manifest.apiVersion} has no ${manifest.kind}`;
  try {
    new Kind(manifest).validate();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * What the compiler says of the manifests as literals of the types from that same document: it knows every field, and
 * refuses another one.
 */
export async function typeFaultsOf(manifests: readonly Manifest[]): Promise<string> {
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "kubernetes-"));
  try {
    writeFileSync(join(folder, "manifests.ts"), manifests.map(declarationOf).join("\n"));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(configuration()));
    const { stdout } = await run(process.execPath, [
      join(root, "node_modules/typescript/bin/tsc"),
      "-p",
      folder,
    ]);
    return stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function declarationOf(manifest: Manifest, index: number): string {
  const type = `import("kubernetes-models/${manifest.apiVersion}").I${manifest.kind}`;
  return `export const manifest${index}: ${type} = ${JSON.stringify(manifest, null, 2)};`;
}

function configuration() {
  const models = dirname(realpathSync(require.resolve("kubernetes-models/package.json")));
  const paths = { "kubernetes-models/*": [join(models, "*")] };
  return {
    compilerOptions: {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: "ESNext",
      moduleResolution: "Bundler",
      types: [],
      paths,
    },
    include: ["manifests.ts"],
  };
}

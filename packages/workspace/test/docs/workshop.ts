import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../toolchain/places.mjs";

const run = promisify(execFile);
const patienceMs = 30_000;

const tsconfig = {
  compilerOptions: {
    module: "NodeNext",
    target: "ES2022",
    lib: ["ES2023"],
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
  },
  include: ["*.ts"],
};

/** A folder in which examples are compiled and run as in a project that has installed the packages. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-examples-"));
  #compilerSays: readonly string[] = [];

  constructor() {
    const modules = join(this.#folder, "node_modules");
    mkdirSync(modules);
    symlinkSync(join(root, "packages/workspace/node_modules/@sluice"), join(modules, "@sluice"));
    for (const name of ["ioredis", "prom-client", "redlock", "@types"]) {
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    symlinkSync(join(root, "packages/client/node_modules/ws"), join(modules, "ws"));
    this.write("package.json", JSON.stringify({ type: "module" }));
    this.write("tsconfig.json", JSON.stringify(tsconfig));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }

  /** Makes a `.js` of every `.ts`. */
  async compile(): Promise<void> {
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [compiler, "-p", "."], { cwd: this.#folder }).catch(
      (failure: { stdout: string }) => failure,
    );
    this.#compilerSays = stdout.split("\n");
  }

  /** What the compiler found wrong with a file, or with the whole. */
  faultsIn(file: string): string[] {
    return this.#compilerSays.filter((line) => line.startsWith(`${file}(`) || line.startsWith("error"));
  }

  /** What a program prints that ends with 0. @throws Error with what it said, when it fails or does not end in time */
  async run(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return run(program, args, { cwd: this.#folder, timeout: patienceMs });
  }

  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of a test's own; it goes when the test is over. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "sluice-files-"));

  /** The path of the file that now holds `text`, and that its owner alone may read unless `mode` says otherwise. */
  write(name: string, text: string | Buffer, mode = 0o600): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

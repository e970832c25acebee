import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { SettingsError } from "./reader.js";

/** In PEM. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** @throws SettingsError where a file cannot be read, or the two do not belong together */
export function readTls({ certFile, keyFile }: TlsFiles): Tls {
  const cert = read("SLUICE_TLS_CERT_FILE", certFile);
  const key = read("SLUICE_TLS_KEY_FILE", keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new SettingsError([
      `SLUICE_TLS_CERT_FILE and SLUICE_TLS_KEY_FILE must be a certificate and its key, in PEM; ${(error as Error).message}`,
    ]);
  }
  return { cert, key };
}

function read(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new SettingsError([`${variable}: ${(error as Error).message}`]);
  }
}

import { inspect } from "node:util";
import { InvalidArgumentError, SluiceError } from "@sluice/core";
import { describeError } from "./log/describe-error.js";
import { SettingsError } from "./settings.js";

/** As in sysexits.h. */
const USAGE = 64;
const UNAVAILABLE = 69;

type ListenError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number };

/** Why a sidecar did not start, in one line for each fault, where the fault is known. */
export function reasonOf(error: unknown): string {
  if (error instanceof SettingsError || error instanceof SluiceError) return error.message;
  const { code, address, port, message } = error as ListenError;
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} of ${address} is in use; set SLUICE_PORT to another one, or to 0 for a free one`;
    case "EACCES":
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `cannot listen on SLUICE_HOST and SLUICE_PORT: ${message}`;
    default:
      return error instanceof Error ? inspect(describeError(error)) : String(error);
  }
}

export function exitCodeOf(error: unknown): number {
  const isUsage = error instanceof SettingsError || error instanceof InvalidArgumentError;
  return isUsage ? USAGE : UNAVAILABLE;
}

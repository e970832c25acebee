import type { Server } from "node:http";
import type { Store } from "@sluice/core";
import type { Access } from "../access/access.js";
import type { Token } from "../access/tokens.js";
import { type ConfigCondition, Configuration } from "../config/configuration.js";
import { type Declarations, readDeclarations } from "../config/declarations.js";
import { useCertificate } from "../http/server.js";
import type { Log } from "../log.js";
import { SettingsError } from "../settings/reader.js";
import { readTls, type Tls } from "../settings/tls.js";
import { asksForTokens, readTokens } from "../settings/tokens.js";
import type { Settings } from "../settings.js";
import type { Health } from "./readiness.js";
import type { Recovery } from "./recovery.js";
import { StoreWatch } from "./store-watch.js";

/** What the files hold that the settings name. */
export interface Files {
  readonly tokens: readonly Token[];
  /** Undefined without TLS. */
  readonly tls: Tls | undefined;
  /** Undefined where no file declares semaphores. */
  readonly declarations: Declarations | undefined;
}

/** @throws SettingsError with every fault of the first file that is bad */
export function readFiles({ configFile, maxLeaseMs, tls, ...tokenSource }: Settings): Files {
  return {
    tokens: readTokens(tokenSource),
    tls: tls && readTls(tls),
    declarations: configFile === undefined ? undefined : readDeclarations(configFile, maxLeaseMs),
  };
}

export interface UpkeepParts {
  readonly settings: Settings;
  /** As they were at the start. */
  readonly files: Files;
  readonly store: Store;
  readonly access: Access;
  readonly log: Log;
}

/** What a sidecar does beside serving: it knows how its parts are, and reads its files again when it is asked to. */
export class Upkeep implements Health {
  readonly #settings: Settings;
  readonly #access: Access;
  readonly #log: Log;
  readonly #storeWatch: StoreWatch;
  readonly #configuration: Configuration | undefined;
  #server: Server | undefined;

  constructor({ settings, files, store, access, log }: UpkeepParts) {
    const { configFile: file } = settings;
    const { declarations } = files;
    this.#settings = settings;
    this.#access = access;
    this.#log = log;
    this.#storeWatch = new StoreWatch(store, log);
    if (file !== undefined && declarations !== undefined)
      this.#configuration = new Configuration({ file, declarations, store, log });
  }

  get config(): ConfigCondition | undefined {
    return this.#configuration?.condition;
  }

  get isDiscreet(): boolean {
    return asksForTokens(this.#settings);
  }

  get recovery(): Recovery | undefined {
    return this.#storeWatch.recovery;
  }

  /** Applies what is declared. @param server the one that gets a new certificate */
  begin(server: Server): void {
    this.#server = server;
    this.#configuration?.apply();
  }

  /** Reads tokens, certificate and configuration again. What is bad is logged, and the former one stays. */
  reload(): void {
    this.#reloadTokens();
    this.#reloadTls();
    this.#configuration?.reload();
  }

  stop(): void {
    this.#storeWatch.stop();
    this.#configuration?.stop();
  }

  #reloadTokens(): void {
    if (this.#settings.tokensFile === undefined) return;
    this.#orKeep("tokens", () => {
      const tokens = readTokens(this.#settings);
      this.#access.useTokens(tokens);
      this.#log.info("tokens reloaded", { names: tokens.map(({ name }) => name) });
    });
  }

  #reloadTls(): void {
    const { tls } = this.#settings;
    const server = this.#server;
    if (tls === undefined || server === undefined) return;
    this.#orKeep("certificate", () => {
      useCertificate(server, readTls(tls));
      this.#log.info("certificate reloaded");
    });
  }

  #orKeep(what: string, reload: () => void): void {
    try {
      reload();
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      this.#log.error(`the new ${what} cannot be used, and the former stays`, { faults: error.faults });
    }
  }
}

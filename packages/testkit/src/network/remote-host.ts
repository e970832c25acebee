import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { tieToThisProcess } from "../processes/lifeline.js";
import { type NodeOptions, type NodeProcess, spawnNode } from "../processes/node.js";
import { until } from "../until.js";

/** Set aside for tests of networks (RFC 2544); each host takes four addresses of it. */
const NETWORK = "198.18";

let hosts = 0;

/** Why no host can be started here, or undefined where one can. */
export function whyNoRemoteHosts(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are a thing of Linux";
  if (process.getuid?.() !== 0) return "network namespaces are made by root";
  try {
    execFileSync("unshare", ["--net", "ip", "link", "add", "probe", "type", "veth"], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${(error as Error).message.trim()}`;
  }
}

/**
 * Another host, with a network of its own that a cable joins to this one: a network namespace of Linux. It, its
 * processes and the cable vanish with this process, however that ends.
 *
 * @throws Error where `whyNoRemoteHosts` knows why
 */
export async function startRemoteHost(): Promise<RemoteHost> {
  const own = namespaceOf("self");
  const keeper = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
  tieToThisProcess(keeper);
  const { pid } = keeper;
  if (pid === undefined) throw new Error("unshare did not start");
  await until(() => namespaceOf(String(pid)) !== own, { what: "a network namespace" });
  const host = new RemoteHost(keeper, pid, hosts++);
  host.connect();
  return host;
}

export class RemoteHost {
  /** How it is reached from here. */
  readonly address: string;
  /** How this host is reached from there. */
  readonly ourAddress: string;
  readonly #keeper: ChildProcess;
  readonly #enter: readonly string[];
  readonly #pid: number;
  readonly #cable: string;

  /** Use `startRemoteHost`. */
  constructor(keeper: ChildProcess, pid: number, index: number) {
    const block = (process.pid * 16 + index) % 16_384;
    const subnet = `${NETWORK}.${block >> 6}.`;
    const first = (block & 63) * 4;
    this.ourAddress = `${subnet}${first + 1}`;
    this.address = `${subnet}${first + 2}`;
    this.#keeper = keeper;
    this.#pid = pid;
    this.#enter = ["nsenter", "--target", String(pid), "--net"];
    this.#cable = `sluice${pid}`;
  }

  /** What a program is started through, to run there. */
  get through(): readonly string[] {
    return this.#enter;
  }

  /** Lays the cable. Called once, by `startRemoteHost`. */
  connect(): void {
    const { ourAddress, address } = this;
    const cable = this.#cable;
    run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", String(this.#pid));
    run("ip", "address", "add", `${ourAddress}/30`, "dev", cable);
    run("ip", "link", "set", cable, "up");
    this.#inside("ip", "link", "set", "lo", "up");
    this.#inside("ip", "address", "add", `${address}/30`, "dev", "eth0");
    this.#inside("ip", "link", "set", "eth0", "up");
    // Where it is stays known when it is gone, so that no "unreachable" tells that it is.
    const [link] = JSON.parse(this.#inside("ip", "-json", "link", "show", "eth0"));
    run("ip", "neighbour", "replace", address, "lladdr", link.address, "dev", cable, "nud", "permanent");
  }

  /** Runs a JavaScript file there. */
  spawnNode(file: string | URL, args: readonly string[] = [], options: NodeOptions = {}): NodeProcess {
    return spawnNode(file, args, { ...options, through: this.#enter });
  }

  /** From now on nothing gets there or back, and nobody is told: no FIN, no RST, no ICMP. */
  vanish(): void {
    this.#inside("ip", "link", "set", "eth0", "down");
  }

  /** Ends `vanish`. */
  comeBack(): void {
    this.#inside("ip", "link", "set", "eth0", "up");
  }

  async stop(): Promise<void> {
    if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null) return;
    const exit = once(this.#keeper, "exit");
    this.#keeper.kill("SIGKILL");
    await exit;
    // The kernel takes a namespace down in its own time; its end of the cable goes at once with ours.
    spawn("ip", ["link", "delete", this.#cable], { stdio: "ignore" }).once("error", () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #inside(...command: string[]): string {
    return run(...this.#enter, ...command);
  }
}

function namespaceOf(pid: string): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

function run(...[program = "", ...args]: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

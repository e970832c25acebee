import type { Fault } from "../fault.js";
import { faultsOfClocks } from "./clocks.js";
import { faultsOfHosts } from "./hosts.js";
import { faultsOfTheNetwork } from "./network.js";
import { faultsOfProcesses } from "./processes.js";
import { faultsOfRedis } from "./redis.js";
import { faultsOfReplication } from "./replication.js";
import { faultsOfVersions } from "./versions.js";

/** Everything that is done to a fleet, in the order of the table in the guarantees. */
export const faults: readonly Fault[] = [
  ...faultsOfProcesses,
  ...faultsOfHosts,
  ...faultsOfRedis,
  ...faultsOfReplication,
  ...faultsOfTheNetwork,
  ...faultsOfVersions,
  ...faultsOfClocks,
];

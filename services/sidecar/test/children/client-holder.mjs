// Holds a permit of "api" by the client package, and says so. Arguments: the URL of the sidecar, the lease in ms.
import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";

const [url, leaseMs] = process.argv.slice(2);
const lease = await new Semaphore(sidecarStore(url), "api").acquire({ leaseMs: Number(leaseMs) });
console.log(JSON.stringify({ held: lease.remainingMs > 0 }));
setInterval(() => {}, 1_000);

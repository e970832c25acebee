import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";

const [url, state] = process.argv.slice(2);
const store = sidecarStore(url);
const semaphore = new Semaphore(store, "api", { limit: 3 });
// Never released: a lease that is held renews itself, and keeps nothing alive by that.
await semaphore.acquire();
if (state === "closed") await store.close();
console.log("idle");

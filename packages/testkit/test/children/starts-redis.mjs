import { startRedis } from "@sluice/testkit";

const redis = await startRedis();
const [, folder] = await redis.command("CONFIG", "GET", "dir");
console.log(JSON.stringify({ port: redis.port, folder }));
setInterval(() => undefined, 1_000);

import { redisServer } from "../../redis/provide.mjs";

console.log(await redisServer());

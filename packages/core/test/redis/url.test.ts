import { describe, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis/index.js";
import { readRedisUrl, redisUrlWithoutSecrets } from "../../src/stores/redis/url.js";

describe("a URL of Redis", () => {
  test.each([
    ["redis://localhost", "localhost:6379"],
    ["rediss://user:secret@localhost:6380/3?family=6", "localhost:6380/3"],
    ["redis://[::1]:6379/", "[::1]:6379"],
    ["redis+sentinel://:secret@one,[::1]:26380/main/2", "main by Sentinels one:26379,::1:26380"],
    ["redis+cluster://user:secret@one:7000,two", "the Cluster of one:7000,two:6379"],
  ])("%s is told without secrets as %s", (url, told) => {
    expect(redisUrlWithoutSecrets(url)).toBe(told);
  });

  test("has what is escaped in its credentials told to Redis as it is", () => {
    expect(readRedisUrl("redis+cluster://a%40b:c%2Fd@one")).toMatchObject({
      username: "a@b",
      password: "c/d",
    });
  });

  test.each([
    ["a database that is no number", "redis://:secret@localhost/main"],
    ["options of the client", "redis://:secret@localhost/0?keyPrefix=app:"],
    ["an escape that stands for nothing", "redis://:secret%zz@localhost"],
    ["a port that is none", "redis://:secret@localhost:99999"],
    ["a port that no node can have", "redis+cluster://:secret@localhost:99999"],
    ["a port that no Sentinel can have", "redis+sentinel://:secret@localhost:0/main"],
    ["a password that is not escaped", "redis+cluster://:secret@word@localhost"],
    ["a Cluster's database", "redis+cluster://:secret@localhost/1"],
    ["no name of a master", "redis+sentinel://:secret@localhost"],
    ["another scheme", "http://:secret@localhost"],
  ])("with %s is refused at once, without telling secrets", (_, url) => {
    expect(redisUrlWithoutSecrets(url)).toBeUndefined();
    expect(() => redisStore(url)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.not.stringContaining("secret") }),
    );
  });
});

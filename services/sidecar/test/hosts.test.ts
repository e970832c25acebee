import { describe, expect, it } from "vitest";
import { Hosts, urlOfHost } from "../src/access/hosts.js";

describe("the hosts that a sidecar answers to", () => {
  it("are those of loopback, whatever is listed", () => {
    const hosts = new Hosts([]);
    for (const host of [
      "localhost",
      "LOCALHOST",
      "localhost.",
      "api.localhost",
      "127.0.0.1",
      "127.9.8.7",
      "[::1]",
    ])
      expect(hosts.has(host), host).toBe(true);
  });

  it("are not those that only look like loopback", () => {
    const hosts = new Hosts([]);
    for (const host of [
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "notlocalhost",
      "128.0.0.1",
      "0.0.0.0",
      "10.0.0.1",
      "[::]",
      "[fe80::1]",
      "",
    ]) {
      expect(hosts.has(host), host).toBe(false);
    }
  });

  it("are the names and addresses that are listed, and no others", () => {
    const hosts = new Hosts(["Sluice.Example.com", "10.0.0.1", "fd00:0::1"]);
    for (const host of ["sluice.example.com", "sluice.example.com.", "10.0.0.1", "[fd00::1]"])
      expect(hosts.has(host), host).toBe(true);
    for (const host of ["example.com", "a.sluice.example.com", "10.0.0.2", "[fd00::2]"])
      expect(hosts.has(host), host).toBe(false);
  });

  it("are every name below a domain, but not the domain, and not another one that ends so", () => {
    const hosts = new Hosts(["*.example.com"]);
    expect(hosts.has("a.example.com")).toBe(true);
    expect(hosts.has("a.b.example.com")).toBe(true);
    for (const host of ["example.com", ".example.com", "evilexample.com", "example.com.evil.example"])
      expect(hosts.has(host), host).toBe(false);
  });

  it("are all where a star says so", () => {
    expect(new Hosts(["*"]).has("anything.example")).toBe(true);
  });
});

describe("a Host", () => {
  it("names a host, and perhaps a port", () => {
    expect(urlOfHost("localhost:7077", "http")?.origin).toBe("http://localhost:7077");
    expect(urlOfHost("[::1]:7077", "https")?.origin).toBe("https://[::1]:7077");
    expect(urlOfHost("EXAMPLE.com:80", "http")?.origin).toBe("http://example.com");
  });

  it("is nothing else", () => {
    for (const host of [
      "",
      "a b",
      "user@localhost",
      "localhost/path",
      "localhost?query",
      "localhost#part",
      "localhost:",
      "localhost:99999",
      "localhost:7077:7077",
      "::1",
      "[::1",
      "1.2.3.4.5",
      "schlüssel.example",
    ]) {
      expect(urlOfHost(host, "http"), host).toBeUndefined();
    }
  });
});

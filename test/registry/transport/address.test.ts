import { describe, expect, test } from "vitest";
import { isLoopbackHost, reachOf } from "../../../src/registry/transport/address.ts";

describe("reachOf()", () => {
  test.each<[string, string | undefined]>([
    ["127.0.0.1", "loopback"],
    ["127.9.9.9", "loopback"],
    ["0.0.0.0", "loopback"],
    ["[::1]", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["[::ffff:7f00:1]", "loopback"],
    ["169.254.169.254", "link-local"],
    ["fe80::1", "link-local"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["172.32.0.1", "public"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["fd00::1", "private"],
    ["8.8.8.8", "public"],
    ["2001:db8::1", "public"],
    ["registry.local", undefined],
  ])("%s: %s", (address, expected) => {
    expect(reachOf(address)).toBe(expected);
  });
});

describe("isLoopbackHost()", () => {
  test.each<[string, boolean]>([
    ["localhost", true],
    ["registry.localhost", true],
    ["127.0.0.1", true],
    ["[::1]", true],
    ["localhost.example.com", false],
    ["127.0.0.1.example.com", false],
  ])("%s: %j", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

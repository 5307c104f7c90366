import { describe, expect, test } from "vitest";
import { isLoopbackHost, reachOf } from "../../../../src/registry/transport/connect/address.ts";

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
    ["168.63.129.16", "link-local"],
    ["100.100.100.200", "link-local"],
    ["192.0.0.192", "link-local"],
    ["fd00:ec2::254", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["fec0::1", "private"],
    ["::169.254.169.254", "link-local"],
    ["[::a9fe:a9fe]", "link-local"],
    ["[::ffff:0:a9fe:a9fe]", "link-local"],
    ["64:ff9b::169.254.169.254", "link-local"],
    ["[64:ff9b::7f00:1]", "loopback"],
    ["64:ff9b:1::a00:1", "private"],
    ["[64:ff9b::808:808]", "public"],
    ["2002:7f00:1::", "loopback"],
    ["2002:a9fe:a9fe::1", "link-local"],
    ["2002:808:808::1", "public"],
    ["2001:0:808:808:0:0:5601:5601", "link-local"],
    ["::2", "public"],
  ])("%s: %s", (address, expected) => {
    expect(reachOf(address)).toBe(expected);
  });
});

describe("isLoopbackHost()", () => {
  test.each<[string, boolean]>([
    ["localhost", true],
    ["registry.localhost", true],
    ["localhost.", true],
    ["LOCALHOST", true],
    ["[64:ff9b::127.0.0.1]", true],
    ["127.0.0.1", true],
    ["[::1]", true],
    ["localhost.example.com", false],
    ["127.0.0.1.example.com", false],
  ])("%s: %j", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

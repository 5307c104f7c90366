import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "vitest";
import {
  createGuardedLookup,
  isInward,
} from "../../../../src/registry/transport/connect/inward.ts";

/** A resolver that knows one name. */
function resolverOf(...addresses: readonly string[]) {
  const found: LookupAddress[] = addresses.map((address) => ({
    address,
    family: address.includes(":") ? 6 : 4,
  }));
  const lookup = (_: string, __: unknown, callback: (error: null, all: LookupAddress[]) => void) =>
    callback(null, found);
  return lookup as unknown as typeof import("node:dns").lookup;
}

async function lookUp(addresses: readonly string[], all: boolean) {
  const lookup = createGuardedLookup(["loopback", "link-local"], resolverOf(...addresses));
  return await new Promise((resolve) => {
    lookup("storage.test", { all }, (error, address) => resolve(error ?? address));
  });
}

describe("a name that a server gives", () => {
  test.each([
    "169.254.169.254",
    "127.0.0.1",
    "::1",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "168.63.129.16",
  ])("is not connected to if it resolves inward: %s", async (address) => {
    expect(await lookUp([address], true)).toMatchObject({ code: "INWARD_ADDRESS" });
    expect(await lookUp([address], false)).toMatchObject({ code: "INWARD_ADDRESS" });
  });

  test("is reached at those of its addresses that do not lead inward", async () => {
    expect(await lookUp(["127.0.0.1", "192.0.2.7"], false)).toBe("192.0.2.7");
    expect(await lookUp(["127.0.0.1", "192.0.2.7"], true)).toEqual([
      { address: "192.0.2.7", family: 4 },
    ]);
  });
});

describe("an address that a server gives", () => {
  test.each([
    ["http://127.0.0.1:5000/", "http://169.254.169.254/", true],
    ["http://127.0.0.1:5000/", "http://[fd00:ec2::254]/", true],
    ["http://127.0.0.1:5000/", "http://168.63.129.16/", true],
    ["http://localhost:5000/", "http://localhost:6000/", false],
    ["https://registry.test/", "https://localhost./", true],
    ["https://registry.test/", "https://[64:ff9b::127.0.0.1]/", true],
    ["https://registry.test/", "https://[::169.254.169.254]/", true],
    ["https://registry.test/", "https://2852039166/", true],
  ])("%s → %s is inward: %j", (from, to, expected) => {
    expect(isInward(new URL(from), new URL(to), () => undefined)).toBe(expected);
  });
});

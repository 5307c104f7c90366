import { describe, expect, test } from "vitest";
import { parseAddressList } from "../../src/server/address-list.ts";

describe("parseAddressList()", () => {
  const isAllowed = parseAddressList(["10.0.0.0/8", "192.0.2.7", "fd00::/8"], "allow");

  test.each([
    ["10.1.2.3", true],
    ["::ffff:10.1.2.3", true],
    ["11.0.0.1", false],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["fd12::1", true],
    ["fd12::1%eth0", true],
    ["2001:db8::1", false],
    ["", false],
    ["nonsense", false],
  ])("of %s is %s", (address, expected) => {
    expect(isAllowed(address)).toBe(expected);
  });

  test("names all that it cannot read at once", () => {
    const entries = ["10.0.0.0/33", "10.0.0.0/8", "example.com", "fd00::/129", "1.2.3.4/"];
    expect(() => parseAddressList(entries, "allow")).toThrow(
      'Cannot use `allow`: "10.0.0.0/33", "example.com", "fd00::/129", "1.2.3.4/" is no address and no CIDR range',
    );
  });
});

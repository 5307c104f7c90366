import { describe, expect, test } from "vitest";
import { Streebog256 } from "../../src/gost/streebog.ts";

const digits = (length: number) => Buffer.from("0123456789".repeat(length).slice(0, length));

/** The second example of RFC 6986, in the byte order of files. */
const EXAMPLE_2 = Buffer.from(
  "d1e520e2e5f2f0e82c20d1f2f0e8e1eee6e820e2edf3f6e82c20e2e5fef2fa20f120eceef0ff20f1f2f0e5ebe0ece820ede020f5f0e0e1f0fbff20efebfaeafb20c8e3eef0e5e2fb",
  "hex",
);

describe("Streebog256", () => {
  test.each([
    ["63 digits", digits(63), "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500"],
    ["72 bytes", EXAMPLE_2, "9dd2fe4e90409e5da87f53976d7405b0c0cac628fc669a741d50063c557e8f50"],
    [
      "nothing",
      Buffer.alloc(0),
      "3f539a213e97c802cc229d474c6aa32a825a360b2a933a949fd925208d9ce1bb",
    ],
  ])("has the known answer for %s", (_, bytes, expected) => {
    expect(new Streebog256().update(bytes).digest()).toBe(expected);
  });

  test.each([1, 63, 64, 65, 1000, 32_768, 40_000])("takes pieces of %i bytes", (size) => {
    const bytes = digits(100_123);
    const hash = new Streebog256();
    for (let start = 0; start < bytes.length; start += size) {
      hash.update(bytes.subarray(start, start + size));
    }
    expect(hash.digest()).toBe(new Streebog256().update(bytes).digest());
  });

  test("carries through all words of the sum", () => {
    const ones = Buffer.alloc(64 * 300, 0xff);
    expect(new Streebog256().update(ones).digest()).toBe(REFERENCE_OF_ONES);
  });

  test("keeps several running hashes apart", () => {
    const [left, right] = [new Streebog256(), new Streebog256()];
    left.update(digits(40));
    right.update(digits(100));
    left.update(digits(63).subarray(40));
    expect(left.digest()).toBe(new Streebog256().update(digits(63)).digest());
    expect(right.digest()).toBe(new Streebog256().update(digits(100)).digest());
  });
});

/** Made with arithmetic on big integers, straight from the standard's definition. */
const REFERENCE_OF_ONES = "e4e88d0e71d751161b0892cb6b7169bd5ae9e7e8e879a63e8e6afeb04bd3331d";

import { describe, expect, test } from "vitest";
import { findSecret, MARKER } from "./secrets.ts";

describe("findSecret()", () => {
  test.each([
    ["as it is", `password=${MARKER}!`],
    ["as a part of a token", `x${MARKER}-1`],
    ...["a:", "ad:", "ada:"].map((user) => [
      `in the base64 of ${user}…`,
      Buffer.from(`${user}${MARKER}-x`).toString("base64"),
    ]),
    ["in a header", '{"authorization":"Bearer abc"}'],
  ])("finds the marker %s", (_, text) => {
    expect(findSecret(`before ${text} after`)).toBeDefined();
  });

  test("finds nothing in what has been blanked", () => {
    expect(findSecret("Authorization: Bearer REDACTED, sig=REDACTED")).toBeUndefined();
  });
});

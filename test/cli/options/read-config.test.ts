import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/cli/options/read-config.ts";

describe("readConfig()", () => {
  test("names a file that cannot be read", async () => {
    await expect(readConfig("/nonexistent/mirror.json", new Set())).rejects.toThrow(
      'Cannot read configuration file "/nonexistent/mirror.json"',
    );
  });
});

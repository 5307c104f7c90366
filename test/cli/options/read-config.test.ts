import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/cli/options/read-config.ts";

describe("readConfig()", () => {
  test("names a file that cannot be read", async () => {
    const keys = { settings: new Map(), bundle: new Map() };
    const path = "/nonexistent/mirror.yaml";
    await expect(readConfig({ path, keys, env: {} })).rejects.toThrow(
      'Cannot read configuration file "/nonexistent/mirror.yaml"',
    );
  });
});

import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { createDockerConfigCredentials } from "../../src/registry/auth/docker-config.ts";
import { storeLogin } from "../../src/registry/auth/login-store.ts";
import type { RegistryEvent } from "../../src/registry/registry-event.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const PASSWORD = "correct-horse-battery";
/** The parser stops at the password, or behind it. */
const BROKEN = [
  `{\n  "source-password": ${PASSWORD}\n}`,
  `{\n  "source-password": "${PASSWORD}" x\n}`,
  `{\n  "source-password": "${PASSWORD}`,
];
/** As the values of JSON are those of YAML too, one without quotes is not broken there. */
const BROKEN_YAML = [
  ...BROKEN.slice(1),
  `source: a\nsource-password: "${PASSWORD}" x\n`,
  `source: a\nsource-password: &${PASSWORD} *${PASSWORD}x\n`,
  `source: a\nsource-password: x: ${PASSWORD}\n`,
];

/** No five letters of it in a row. */
function expectNoPart(text: string): void {
  for (let start = 0; start + 5 <= PASSWORD.length; start += 1) {
    expect(text).not.toContain(PASSWORD.slice(start, start + 5));
  }
}

describe("of a broken file line and column are shown, and nothing of what stands there", () => {
  test.each(BROKEN_YAML)("a configuration file: %j", async (text) => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("mirror.json");
    await writeFile(path, text);
    const words = ["plan", "registry.test/a", "--config", path];
    for (const more of [[], ["--debug"], ["--json"]]) {
      const { status, stdout, stderr } = await runInProcess([...words, ...more]);
      expect(status).toBe(2);
      expectNoPart(stdout + stderr);
      expect(stdout + stderr).toMatch(/line 2, column \d+/);
    }
  });

  test.each(BROKEN)("a file of Docker or Podman: %j", async (text) => {
    await using directory = await openTempDirectory();
    const authFile = directory.resolve("config.json");
    await writeFile(authFile, text);
    const events: RegistryEvent[] = [];
    const onEvent = (event: RegistryEvent) => events.push(event);
    const env = { HOME: directory.path };
    const credentials = createDockerConfigCredentials({ authFile, env, onEvent });
    expect(await credentials("registry.test")).toBeUndefined();
    const login = { registry: "registry.test", username: "u", password: "p", authFile, env };
    const failure = await storeLogin(login).catch((error) => error);
    for (const shown of [JSON.stringify(events), `${failure.stack} ${failure.cause}`]) {
      expectNoPart(shown);
      expect(shown).toMatch(/line 2, column \d+/);
    }
  });
});

import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDockerConfigCredentials } from "../../../src/registry/auth/docker-config.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const SECRET = "s3cr3t-marker";

function auth(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

interface Question {
  readonly registry: string;
  readonly config?: unknown;
  readonly env?: NodeJS.ProcessEnv;
  readonly helpers?: Readonly<Record<string, string>>;
}

async function ask({ registry, config, env, helpers = {} }: Question) {
  await using directory = await openTempDirectory();
  const home = directory.resolve("home");
  await mkdir(join(home, ".docker"), { recursive: true });
  const text = typeof config === "string" ? config : JSON.stringify(config);
  if (config !== undefined) await writeFile(join(home, ".docker/config.json"), text);
  for (const [name, script] of Object.entries(helpers)) {
    const path = directory.resolve(`docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  const events: RegistryEvent[] = [];
  const source = createDockerConfigCredentials({
    env: { PATH: `${directory.path}:${process.env["PATH"]}`, ...env },
    homeDirectory: home,
    onEvent: (event) => events.push(event),
    helperTimeoutMs: 500,
  });
  const credential = await source(registry);
  expect(JSON.stringify(events)).not.toContain(SECRET);
  return { credential, events };
}

describe("createDockerConfigCredentials()", () => {
  test.each<[string, string]>([
    ["registry.local:5000", "registry.local:5000"],
    ["https://registry.local:5000", "registry.local:5000"],
    ["https://registry.local:5000/v1/", "registry.local:5000"],
    ["https://index.docker.io/v1/", "docker.io"],
    ["docker.io", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
  ])("finds the entry %s for %s", async (key, registry) => {
    const config = { auths: { [key]: { auth: auth("user", "pass:word") } } };
    const { credential } = await ask({ registry, config });
    expect(credential).toMatchObject({ username: "user", password: "pass:word" });
  });

  test.each<[string, object, object]>([
    ["a user and password", { username: "u", password: "p" }, { kind: "password", username: "u" }],
    ["an identity token", { identitytoken: "t", auth: auth("u", "") }, { kind: "identity-token" }],
    ["a registry token", { registrytoken: "t" }, { kind: "registry-token", registryToken: "t" }],
    [
      "padding of old versions",
      { auth: Buffer.from("u:p\0\0").toString("base64") },
      { password: "p" },
    ],
  ])("reads %s", async (_, entry, expected) => {
    const { credential } = await ask({ registry: "a", config: { auths: { a: entry } } });
    expect(credential).toMatchObject(expected);
  });

  test("does not give one registry the credentials of another", async () => {
    const config = { auths: { "registry.local": { auth: auth("u", "p") } } };
    for (const registry of ["registry.local:5000", "evil.registry.local", "docker.io"]) {
      expect((await ask({ registry, config })).credential).toBeUndefined();
    }
  });

  test("prefers DOCKER_AUTH_CONFIG, and $DOCKER_CONFIG to the home directory", async () => {
    const config = { auths: { a: { auth: auth("home", "p") }, b: { auth: auth("home", "p") } } };
    const env = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { a: { auth: auth("env", "p") } } }),
    };
    expect((await ask({ registry: "a", config, env })).credential).toMatchObject({
      username: "env",
      origin: "DOCKER_AUTH_CONFIG",
    });
    expect((await ask({ registry: "b", config, env })).credential).toMatchObject({
      username: "home",
    });
    const elsewhere = { DOCKER_CONFIG: "/nonexistent" };
    expect((await ask({ registry: "a", config, env: elsewhere })).credential).toBeUndefined();
  });

  test("lets a bad entry disable only itself, with a warning", async () => {
    const config = { auths: { a: { auth: "???" }, b: { auth: auth("u", "p") }, c: 7 } };
    const bad = await ask({ registry: "a", config });
    expect(bad.credential).toBeUndefined();
    expect(bad.events).toEqual([
      expect.objectContaining({ type: "warning", code: "CREDENTIALS_UNUSABLE" }),
    ]);
    expect((await ask({ registry: "b", config })).credential).toBeDefined();
    expect((await ask({ registry: "c", config })).credential).toBeUndefined();
  });

  test("warns of a file that is not JSON without quoting it", async () => {
    const { credential, events } = await ask({ registry: "a", config: `{"auths": ${SECRET}` });
    expect(credential).toBeUndefined();
    expect(events).toHaveLength(1);
  });

  test("asks the helper of the registry, on stdin, before the file", async () => {
    const script = `read url; printf '{"Username":"%s","Secret":"x"}' "$url"`;
    const config = { auths: { a: { auth: auth("file", "p") } }, credHelpers: { a: "test" } };
    const { credential } = await ask({ registry: "a", config, helpers: { test: script } });
    expect(credential).toMatchObject({ username: "a", origin: "docker-credential-test" });
  });

  test("asks the store for Docker Hub by its old address", async () => {
    const script = `read url; printf '{"Username":"%s","Secret":"x"}' "$url"`;
    const config = { credsStore: "test" };
    const { credential } = await ask({ registry: "docker.io", config, helpers: { test: script } });
    expect(credential).toMatchObject({ username: "https://index.docker.io/v1/" });
  });

  test("takes the user <token> of a helper as identity token", async () => {
    const script = `printf '{"Username":"<token>","Secret":"refresh"}'`;
    const config = { credsStore: "test" };
    const { credential } = await ask({ registry: "a", config, helpers: { test: script } });
    expect(credential).toMatchObject({ kind: "identity-token", identityToken: "refresh" });
  });

  test("falls back to the file when the helper knows nothing, without a warning", async () => {
    const script = `echo "credentials not found in native keychain"; exit 1`;
    const config = { auths: { a: { auth: auth("file", "p") } }, credsStore: "test" };
    const { credential, events } = await ask({ registry: "a", config, helpers: { test: script } });
    expect(credential).toMatchObject({ username: "file" });
    expect(events).toEqual([]);
  });

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ["is not installed", "absent", {}],
    ["fails", "test", { test: `echo ${SECRET}; exit 3` }],
    ["prints no JSON", "test", { test: `echo ${SECRET}` }],
    ["does not answer", "test", { test: "exec sleep 60" }],
    ["has a path for a name", "../../bin/sh", {}],
    ["has a command for a name", "x; touch /tmp/owned", {}],
  ])("warns and goes on when a helper %s", async (_, name, helpers) => {
    const config = { auths: { a: { auth: auth("file", "p") } }, credsStore: name };
    const { credential, events } = await ask({ registry: "a", config, helpers });
    expect(credential).toMatchObject({ username: "file" });
    expect(events).toHaveLength(1);
  });
});

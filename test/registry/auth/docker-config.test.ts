import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDockerConfigCredentials } from "../../../src/registry/auth/docker-config.ts";
import { registryKey } from "../../../src/registry/auth/registry-key.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { runProcess } from "../../support/run-process.ts";
import { MARKER } from "../../support/secrets.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { requireTool } from "../../support/tool.ts";

function auth(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

interface Question {
  readonly registry: string;
  readonly repository?: string | undefined;
  readonly config?: unknown;
  readonly env?: NodeJS.ProcessEnv;
  readonly helpers?: Readonly<Record<string, string>>;
}

async function ask({ registry, repository, config, env, helpers = {} }: Question) {
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
  const credential = await source(registry, { repository });
  expect(JSON.stringify(events)).not.toContain(MARKER);
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

  test.each<[string, string | undefined]>([
    ["host", "host"],
    ["gcr.io", "gcr.io"],
    ["localhost:5000/v2/", "localhost:5000"],
    ["192.168.99.100:5000", "192.168.99.100:5000"],
    ["https://192.168.99.100:5000/v2", "192.168.99.100:5000"],
    ["https://my.domain.name:5000/v2", "my.domain.name:5000"],
    ["https://gcr.io", "gcr.io"],
    ["https://gcr.io/v1", "gcr.io"],
    ["https://gcr.io/v1/", "gcr.io"],
    ["gcr.io/v1", "gcr.io"],
    ["telnet://gcr.io/v1", "gcr.io"],
    ["", undefined],
    ["https://", undefined],
    ["^#invalid.io/v1/", undefined],
    ["/var/user", undefined],
  ])("takes the key %j for %s", async (key, registry) => {
    expect(registryKey(key)).toBe(registry);
    const config = { auths: { [key]: { auth: auth("u", "p") }, "other.test": {} } };
    const { credential } = await ask({ registry: registry ?? "gcr.io", config });
    expect(credential !== undefined).toBe(registry !== undefined);
  });

  test("prefers the most specific namespace of the repository", async () => {
    const entries = ["a.test", "a.test/team", "a.test/team/app", "a.test/te"];
    const auths = Object.fromEntries(entries.map((key) => [key, { auth: auth(key, "p") }]));
    const cases: readonly [string | undefined, string][] = [
      ["team/app", "a.test/team/app"],
      ["team/app/part", "a.test/team/app"],
      ["team/other", "a.test/team"],
      ["teams", "a.test"],
      [undefined, "a.test"],
    ];
    for (const [repository, username] of cases) {
      const { credential } = await ask({ registry: "a.test", repository, config: { auths } });
      expect(credential, repository).toMatchObject({ username });
    }
  });

  test("does not use the login of a namespace for its neighbours", async () => {
    const config = { auths: { "a.test/team": { auth: auth("u", "p") } } };
    for (const repository of [undefined, "tea", "teams/app", "other/team"]) {
      expect((await ask({ registry: "a.test", repository, config })).credential).toBeUndefined();
    }
  });

  test("reads a file without auths as entries", async () => {
    const config = {
      "https://a.test/v1/": { auth: auth("flat", "p"), email: "a@b" },
      "b.test": {},
    };
    expect((await ask({ registry: "a.test", config })).credential).toMatchObject({
      username: "flat",
    });
  });

  test("asks a helper once for all repositories, and again when it was refused", async () => {
    await using directory = await openTempDirectory();
    const script = `#!/bin/sh\necho asked >>${directory.resolve("log")}\necho '{"Username":"u","Secret":"s"}'\n`;
    await writeFile(directory.resolve("docker-credential-test"), script, { mode: 0o755 });
    const source = createDockerConfigCredentials({
      env: {
        PATH: `${directory.path}:${process.env["PATH"]}`,
        DOCKER_AUTH_CONFIG: '{"credsStore":"test"}',
      },
      homeDirectory: directory.path,
    });
    for (const repository of ["a", "b", "c"]) await source("a.test", { repository });
    expect(await readFile(directory.resolve("log"), "utf8")).toBe("asked\n");
    await source("a.test", { repository: "a", isRenewal: true });
    expect(await readFile(directory.resolve("log"), "utf8")).toBe("asked\nasked\n");
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
    const { credential, events } = await ask({ registry: "a", config: `{"auths": ${MARKER}` });
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
    ["fails", "test", { test: `echo ${MARKER}; exit 3` }],
    ["prints no JSON", "test", { test: `echo ${MARKER}` }],
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

describe("a file of logins that is named", () => {
  const question = { registry: "registry.local", repository: "acme/web" };

  requireTool("mkfifo").test("may be a pipe, which is read once for all questions", async () => {
    await using directory = await openTempDirectory();
    const authFile = directory.resolve("pipe");
    expect(await runProcess("mkfifo", [authFile])).toMatchObject({ exitCode: 0 });
    const events: RegistryEvent[] = [];
    const source = createDockerConfigCredentials({
      env: {},
      homeDirectory: directory.path,
      authFile,
      onEvent: (event) => events.push(event),
    });
    const auths = { "registry.local": { auth: auth("ada", "a:b") } };
    const written = writeFile(authFile, JSON.stringify({ auths }));
    const asked = [1, 2].map(() => source(question.registry, { repository: question.repository }));
    await written;
    for (const one of [...asked, source(question.registry)]) {
      expect(await one).toMatchObject({ username: "ada", password: "a:b" });
    }
    expect(events).toEqual([]);
  });

  test("and is not there is told", async () => {
    const { credential, events } = await ask({
      ...question,
      env: { REGISTRY_AUTH_FILE: "/nonexistent/auth.json" },
    });
    expect(credential).toBeUndefined();
    expect(events).toMatchObject([
      { code: "CREDENTIALS_UNUSABLE", message: expect.stringContaining("does not exist") },
    ]);
  });
});

import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { DoctorReport } from "../../src/index.ts";
import { send, startServer } from "../registry/support/server.ts";
import { eachTest } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const BASIC = { auth: { scheme: "basic", username: "ada", password: MARKER } } as const;
/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";

const directory = eachTest(openTempDirectory);
const registry = eachTest(() => startFaultRegistry({ faults: BASIC }));

interface Given {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function mirror(words: readonly string[], { input, env = {} }: Given = {}) {
  return runInProcess(words, { input, env: { HOME: directory.path, ...env } });
}

const authfile = () => directory.resolve("auth.json");
const dockerFile = () => directory.resolve(".docker/config.json");

async function hostsIn(path: string): Promise<readonly string[]> {
  return Object.keys((JSON.parse(await readFile(path, "utf8")) as { auths: object }).auths);
}

describe("mirror login", () => {
  test.each<[string, readonly string[], Given, RegExp]>([
    ["no registry", ["login"], {}, /registry/],
    [
      "two registries",
      ["login", "a.test", "b.test", "-u", "ada"],
      {},
      /Argument 2 is one too many/,
    ],
    ["a name that is no host", ["login", "harbor", "-u", "ada"], {}, /"harbor".*not a host/],
    ["a repository", ["login", "a.test/team", "-u", "ada"], {}, /"a\.test\/team".*not a host/],
    ["an unknown flag", ["login", "a.test", "--password", "x"], {}, /--password: .* no such flag/],
    ["no login at all", ["login", "a.test"], {}, /--username and the password are missing/],
    ["no password", ["login", "a.test", "-u", "ada"], {}, /the password is missing/],
    [
      "no user",
      ["login", "a.test", "--password-stdin"],
      { input: MARKER },
      /--username is missing/,
    ],
    ["an empty stdin", ["login", "a.test", "-u", "ada", "--password-stdin"], {}, /stdin is empty/],
    [
      "a line break for a password",
      ["login", "a.test", "-u", "ada", "--password-stdin"],
      { input: "\n" },
      /stdin is empty/,
    ],
    [
      "a client certificate without its key",
      ["login", NOWHERE, "-u", "ada", "--cert-file", "/nonexistent"],
      { env: { MIRROR_PASSWORD: MARKER } },
      /key-file/,
    ],
  ])("refuses %s with status 2 and a way on", async (_, words, given, message) => {
    const { status, stderr } = await mirror(words, given);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^hint: |needs both --cert-file and --key-file/m);
    expect(status).toBe(2);
    expect(existsSync(dockerFile())).toBe(false);
  });

  test("stores nothing when the registry does not answer or refuses", async () => {
    const words = ["-u", "ada", "--password-stdin", "--retry-timeout", "200ms"];
    const silent = await mirror(["login", NOWHERE, ...words], { input: MARKER });
    expect(silent.status).toBe(14);
    expect(silent.stderr).toMatch(/the connection is refused/);
    const wrong = await mirror(["login", registry.host, ...words], { input: `${MARKER}-wrong` });
    expect(wrong.status).toBe(10);
    expect(existsSync(dockerFile())).toBe(false);
  });

  test("keeps a login that the registry takes, where Docker does", async () => {
    const words = ["login", `http://${registry.host}/`, "-u", "ada", "--json"];
    const { status, stdout } = await mirror(words, { env: { MIRROR_PASSWORD: MARKER } });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.login.v1+json",
      registry: registry.host,
      checked: true,
      storedIn: `"${dockerFile()}"`,
    });
    expect(await hostsIn(dockerFile())).toEqual([registry.host]);
    expect((await stat(dockerFile())).mode & 0o777).toBe(0o600);
    expect((await mirror(["doctor", `${registry.host}/a`, "--pull-only"])).status).toBe(0);
  });

  test("keeps a login without asking where that is said: a server of files has nothing to ask", async () => {
    const words = ["login", NOWHERE, "-u", "ada", "--no-check", "--password-stdin"];
    const { status, stdout } = await mirror(words, { input: MARKER });
    expect(status).toBe(0);
    expect(stdout).toContain("It was not checked.");
  });

  test("says that a login was not checked where everybody is let in", async () => {
    registry.setFaults({});
    const words = ["login", registry.host, "-u", "ada", "--password-stdin"];
    const { stdout } = await mirror(words, { input: MARKER });
    expect(stdout).toMatch(/It was not checked: the registry lets everybody in/);
  });

  test("takes --authfile before REGISTRY_AUTH_FILE, and makes its directory", async () => {
    const path = directory.resolve("new/auth.json");
    const words = ["login", registry.host, "-u", "ada", "--password-stdin", "--authfile", path];
    const env = { REGISTRY_AUTH_FILE: authfile() };
    expect((await mirror(words, { input: MARKER, env })).status).toBe(0);
    expect(await hostsIn(path)).toEqual([registry.host]);
    expect(existsSync(authfile())).toBe(false);
  });

  test.each<[string, () => Promise<unknown>, number]>([
    ["is not JSON", () => writeFile(authfile(), `{"auths": "${MARKER}`), 2],
    ["is a directory", () => mkdir(authfile()), 32],
  ])("leaves an authfile alone that %s", async (_, make, expected) => {
    await make();
    const words = ["login", registry.host, "-u", "ada", "--password-stdin"];
    const result = await mirror([...words, "--authfile", authfile()], { input: MARKER });
    expect(result.stderr).toMatch(/auth\.json/);
    expect(result.stderr).toMatch(/^hint: /m);
    expect(result.status).toBe(expected);
  });
});

describe("mirror logout", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["no registry", ["logout"], /registry/],
    ["a name that is no host", ["logout", "harbor"], /"harbor".*not a host/],
    ["a flag of login", ["logout", "a.test", "--password-stdin"], /no such flag/],
  ])("refuses %s with status 2", async (_, words, message) => {
    const { status, stderr } = await mirror(words);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test("removes the login of one registry, and says when there was none", async () => {
    const auth = Buffer.from(`ada:${MARKER}`).toString("base64");
    const auths = { "a.test": { auth }, "b.test:5000": { auth } };
    await writeFile(authfile(), JSON.stringify({ auths }));
    const words = ["logout", "a.test", "--authfile", authfile()];
    expect(await mirror(words)).toMatchObject({
      status: 0,
      stdout: "a.test: the login is removed\n",
    });
    expect(await hostsIn(authfile())).toEqual(["b.test:5000"]);
    expect(await mirror(words)).toMatchObject({
      status: 0,
      stdout: "a.test: there was no login\n",
    });
    const { stdout } = await mirror([...words, "--json"]);
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.logout.v1+json",
      registry: "a.test",
      removed: false,
    });
  });

  test("makes no file where there was none", async () => {
    expect((await mirror(["logout", "a.test"])).status).toBe(0);
    expect(existsSync(dockerFile())).toBe(false);
  });
});

describe("mirror doctor", () => {
  test.each<[string, readonly string[], Given, RegExp]>([
    ["no repository", ["doctor"], {}, /repository/],
    ["a registry alone", ["doctor", "a.test"], {}, /the repository path is missing/],
    ["a bad repository", ["doctor", "a.test/UPPER"], {}, /"UPPER" is not a repository path/],
    ["a size that is none", ["doctor", "a.test/x", "--probe-size", "much"], {}, /probe-size/],
    ["a user without a password", ["doctor", "a.test/x", "-u", "ada"], {}, /password is missing/],
    ["an empty stdin", ["doctor", "a.test/x", "-u", "a", "--password-stdin"], {}, /stdin is empty/],
    ["a bad time", ["doctor", "a.test/x", "--retry-timeout", "soon"], {}, /retry-timeout/],
    [
      "a proxy that it cannot use",
      ["doctor", "a.test/x"],
      { env: { HTTPS_PROXY: "socks5://127.0.0.1:1080" } },
      /proxy of type "socks5": only http and https/,
    ],
  ])("refuses %s with status 2", async (_, words, given, message) => {
    const { status, stdout, stderr } = await mirror(words, given);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  test("looks with the login that it is given", async () => {
    const words = [
      "doctor",
      `${registry.host}/acme/web`,
      "-u",
      "ada",
      "--password-stdin",
      "--json",
    ];
    const { status, stdout } = await mirror(words, { input: `${MARKER}\n` });
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report).toMatchObject({
      schemaVersion: 1,
      registry: registry.host,
      repository: "acme/web",
      usable: true,
    });
    expect(report.checks.find(({ name }) => name === "login")?.detail).toBe(
      'user "ada" from --username, basic',
    );
    expect(status).toBe(0);
  });

  test("asks for nothing that needs the permission to push with --pull-only", async () => {
    registry.setFaults({});
    const words = ["doctor", `${registry.host}/acme/web`, "--pull-only"];
    const { status, stdout } = await mirror(words);
    expect(stdout).toMatch(/can be used\.\n$/);
    expect(stdout).not.toMatch(/^push/m);
    expect(registry.log.entries.map(({ method }) => method)).not.toContain("POST");
    expect(status).toBe(0);
  });

  test("ends with the status of the failure, and says what to do about it", async () => {
    const refused = await mirror(["doctor", `${registry.host}/acme/web`]);
    expect(refused.stdout).toMatch(/^login +failed/m);
    expect(refused.stdout).toMatch(/^login: No credentials were found.*mirror login/m);
    expect(refused.status).toBe(10);
    const silent = await mirror(["doctor", `${NOWHERE}/x`, "--retry-timeout", "200ms"]);
    expect(silent.stdout).toMatch(/^reach: Check the port/m);
    expect(silent.status).toBe(14);
  });

  test("tells a web server from a registry", async () => {
    await using server = await startServer((_, response) => send(response, 404, {}, "<html>"));
    const { status, stdout } = await mirror(["doctor", `${server.host}/x`]);
    expect(stdout).toMatch(/^reach: Check that a registry answers here/m);
    expect(status).not.toBe(0);
  });
});

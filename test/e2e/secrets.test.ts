import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startProxy } from "../registry/support/proxy.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { type Faults, startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import type { ProcessResult } from "../support/run-process.ts";
import { findSecret, MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { seedModules } from "./support/product-module.ts";

/*
 * runMirror() and startMirror() search all output and all files that a run leaves, in every test. Here are the runs that
 * have secrets on the most ways out: each of them has to show that the secret was in play.
 */

const USER = { username: "ada", password: MARKER };
const WRONG = `${MARKER}-wrong`;
const BASIC = { auth: { scheme: "basic", ...USER } } as const;
const BEARER = { auth: { scheme: "bearer", credentials: USER } } as const;
const JWT = { auth: { ...BEARER.auth, tokens: "jwt" } } as const;
/** More than one part, so that a session is kept. */
const LARGE_BYTES = 41 * 1024 * 1024;

let bundle: string;
let largeBundle: string;

const directory = allTests(openTempDirectory);
const registry = allTests(startFaultRegistry);

beforeAll(async () => {
  [bundle, largeBundle] = [directory.resolve("bundle"), directory.resolve("large")];
  seed(registry, "acme/web", { v1: image(), large: image({ layers: [randomLayer(LARGE_BYTES)] }) });
  for (const [path, tag] of [
    [bundle, "v1"],
    [largeBundle, "large"],
  ] as const) {
    const source = `${registry.host}/acme/web:${tag}`;
    expect((await runMirror(["pull", path, "--include-image", source])).exitCode).toBe(0);
  }
});

/** A run with a stored login, in a directory of its own. */
async function run(
  words: (host: string, cwd: string) => readonly string[],
  { faults, password = MARKER, input, env = {} }: Surroundings,
): Promise<ProcessResult & { readonly seen: string }> {
  const cwd = directory.resolve(`run-${(await readdir(directory.path)).length}`);
  await mkdir(cwd);
  const auth = Buffer.from(`ada:${password}`).toString("base64");
  const authfile = `${cwd}/auth.json`;
  const auths = password === "" ? {} : { [registry.host]: { auth } };
  await writeFile(authfile, JSON.stringify({ auths }));
  registry.setFaults(faults);
  registry.log.clear();
  const result = await runMirror(words(registry.host, cwd), {
    cwd,
    env: { REGISTRY_AUTH_FILE: authfile, ...env },
    input,
  });
  return { ...result, seen: JSON.stringify(registry.log.entries.map(({ headers }) => headers)) };
}

interface Surroundings {
  readonly faults: Faults;
  readonly password?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

type Words = (host: string, cwd: string) => readonly string[];

const PULL: Words = (host, cwd) => [
  ...["pull", `${cwd}/b`, "--include-image", `${host}/acme/web:v1`, "--debug"],
  ...["--progress", "json"],
];
const PLAN: Words = (host) => ["plan", "--include-image", `${host}/acme/web:v1`, "--debug"];
const PUSH: Words = (host, cwd) => ["push", bundle, `${host}/${basename(cwd)}`, "--debug"];
const DOCTOR: Words = (host) => ["doctor", `${host}/acme/web`, "--debug", "--json"];
const ONLY_MODULES = [
  ...["--no-platform", "--no-installer", "--no-security-db", "--no-packages"],
  ...["--no-package-versions", "--no-plugins"],
];
const LOGIN: Words = (host, cwd) => [
  ...["login", host, "-u", "ada", "--password-stdin", "--debug"],
  ...["--authfile", `${cwd}/stored.json`],
];

describe("no output and no file has a secret", () => {
  test.each<[string, Words, Faults, number]>([
    ["pull with Basic", PULL, BASIC, 0],
    ["plan with Bearer", PLAN, BEARER, 0],
    ["push with a token that can be read", PUSH, JWT, 0],
    ["doctor with a token that can be read", DOCTOR, JWT, 0],
    ["login with Bearer", LOGIN, BEARER, 0],
    ["pull by signed URLs", PULL, { ...BASIC, redirect: {} }, 0],
    ["pull by signed URLs that have expired", PULL, { ...BASIC, redirect: { expired: true } }, 3],
    ["pull from a server that repeats the password", PULL, { ...BASIC, echo: "manifest" }, 10],
    ["push to a server that repeats the token", PUSH, { ...JWT, echo: "upload-start" }, 10],
    ["push to a token server that repeats the password", PUSH, { ...BEARER, echo: "token" }, 10],
    ["doctor at a server that repeats the token", DOCTOR, { ...BEARER, echo: "upload-start" }, 10],
    ["login at a server that repeats the password", LOGIN, { ...BASIC, echo: "base" }, 10],
  ])("%s", async (_, words, faults, status) => {
    const result = await run(words, { faults, input: `${MARKER}\n` });
    expect(result.exitCode).toBe(status);
    expect(findSecret(result.seen)).toBeDefined();
    expect(result.stdout + result.stderr).toContain("credential-chosen");
    if (status !== 0) expect(result.stdout + result.stderr).toContain("REDACTED");
  });

  test.each<[string, Words]>([
    ["pull", PULL],
    ["push", PUSH],
    ["login", LOGIN],
  ])("%s with a wrong password", async (_, words) => {
    for (const faults of [BASIC, BEARER]) {
      const result = await run(words, { faults, password: WRONG, input: WRONG });
      expect(result.exitCode).toBe(10);
      expect(findSecret(result.seen)).toBeDefined();
    }
  });

  test.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    ["a flag", ["--license", MARKER], {}],
    ["D8_MIRROR_LICENSE_TOKEN", [], { D8_MIRROR_LICENSE_TOKEN: MARKER }],
  ])("plan with a license by %s, which goes to the source only", async (_, flags, env) => {
    const user = { username: "license-token", password: MARKER };
    const bearer = { auth: { scheme: "bearer", credentials: user } } as const;
    await using other = await startFaultRegistry({ faults: BASIC });
    const words: Words = (host) => [
      ...["plan", "--debug", "--source", `${host}/acme`, "-i", "foo", ...ONLY_MODULES],
      ...["--include-image", `${other.host}/acme/web:v1`, ...flags],
    ];
    seedModules(registry, "acme", [
      { name: "foo", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } },
    ]);
    const result = await run(words, { faults: bearer, password: "", env, input: MARKER });
    const login = Buffer.from(`license-token:${MARKER}`).toString("base64");
    expect(result.seen).toContain(`Basic ${login}`);
    expect(result.exitCode).toBe(10);
    expect(result.stderr).toContain(other.host);
    expect(other.log.entries.length).toBeGreaterThan(0);
    expect(other.log.entries.filter(({ headers }) => headers.authorization)).toEqual([]);
  });

  test("push through a proxy with a password, and one that refuses it", async () => {
    await using proxy = await startProxy({ user: `ada:${MARKER}` });
    const words: Words = (host, cwd) => [
      ...PUSH(host.replace("127.0.0.1", "0.0.0.0"), cwd),
      "--insecure",
    ];
    for (const [password, status] of [
      [MARKER, 0],
      [WRONG, 14],
    ] as const) {
      const env = { HTTP_PROXY: `http://ada:${password}@${proxy.host}` };
      const login = { MIRROR_REGISTRY_LOGIN: "ada", MIRROR_REGISTRY_PASSWORD: MARKER };
      const result = await run(words, { faults: BASIC, env: { ...env, ...login } });
      expect(result.exitCode).toBe(status);
    }
    expect(proxy.seen.map(({ authorization }) => findSecret(authorization ?? ""))).not.toEqual([]);
  });

  test.each([
    ["a source", ["plan", "--source", `https://ada:${MARKER}@127.0.0.1:1/x`, "-i", "foo"]],
    ["a source without a path", ["plan", "--source", `ada:${MARKER}@127.0.0.1:1`, "-i", "foo"]],
    ["an image", ["plan", "--include-image", `https://ada:${MARKER}@host.test/x:v1`]],
    ["a target", ["push", "b", `https://ada:${MARKER}@host.test`]],
    ["a registry to look at", ["doctor", `ada:${MARKER}@host.test/x`]],
    ["a registry to log in at", ["login", `https://ada:${MARKER}@host.test`, "-u", "ada"]],
    ["a registry to log out from", ["logout", `ada:${MARKER}@host.test:5000`]],
  ])("user info in %s is refused and not repeated", async (_, words) => {
    const { status, stderr } = await runInProcess([...words, "--debug"], { input: MARKER });
    expect(status).toBe(2);
    expect(stderr).toMatch(/127\.0\.0\.1:1|host\.test/);
  });

  test.each([
    ["SOCKS", `socks5://ada:${MARKER}@127.0.0.1:1`],
    ["no address", `http://ada:${MARKER}@ho st:1`],
  ])("a proxy that is %s is refused and not repeated", async (_, HTTPS_PROXY) => {
    const env = { HTTPS_PROXY };
    const words = ["doctor", "host.test/x", "--debug"];
    const { status, stderr } = await runInProcess(words, { env });
    expect(status).toBe(2);
    expect(stderr).toMatch(/HTTPS_PROXY/);
    expect(stderr).toMatch(/hint: .*http:\/\/host:port/);
  });

  test("a helper that fails with the secret in its text", async () => {
    const cwd = directory.resolve("helper");
    await mkdir(cwd);
    const program = `${cwd}/docker-credential-leak`;
    await writeFile(
      program,
      `#!/bin/sh\nset -- "${MARKER.slice(0, 4)}" "${MARKER.slice(4)}"\necho "$1$2" >&2\necho "$1$2"\nexit 1\n`,
    );
    await chmod(program, 0o755);
    await writeFile(`${cwd}/config.json`, JSON.stringify({ credsStore: "leak" }));
    const env = { DOCKER_CONFIG: cwd, PATH: `${cwd}:${process.env["PATH"]}` };
    const result = await run(PULL, { faults: BASIC, password: "", env });
    expect(result.exitCode).toBe(10);
    expect(result.stdout + result.stderr).toMatch(/docker-credential-leak|"leak"/);
  });

  test("what an interrupted push keeps of its sessions", async () => {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const commitWait = async () => {
      // the blobs that fit into one request pass
      if (registry.log.find("PATCH").length === 0) return;
      arrive();
      await released;
    };
    registry.setFaults({ ...JWT, commitWait });
    registry.log.clear();
    const env = { MIRROR_REGISTRY_LOGIN: "ada", MIRROR_REGISTRY_PASSWORD: MARKER };
    const words = ["push", largeBundle, `${registry.host}/team/large`, "--progress", "json"];
    await using running = await startMirror([...words, "--debug"], { cwd: directory.path, env });
    await arrived;
    running.kill("SIGKILL");
    await running.finished;
    release();
    const left = await readdir(largeBundle, { recursive: true });
    expect(left).toContainEqual(expect.stringMatching(/push-.*\.journal$/));
    const verified = await runMirror(["verify", largeBundle, "--debug"]);
    expect(verified.exitCode).toBe(0);
  });
});

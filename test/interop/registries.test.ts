import { readdir, readFile, writeFile } from "node:fs/promises";
import { beforeAll, expect } from "vitest";
import type { Receipt } from "../../src/index.ts";
import {
  type Authority,
  createAuthority,
  type IssuedCertificate,
} from "../registry/support/authority.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistryOptions, startDockerRegistry } from "../support/docker-registry.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { type RunningProcess, startProcess } from "../support/run-process.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { findTool, requireTool } from "../support/tool.ts";
import { freePort, proxyTo, startNginx } from "./support/nginx.ts";

const USER = { username: "ada", password: MARKER };
const LOGIN = Buffer.from(`ada:${MARKER}`).toString("base64");

let authority: Authority;
let certificate: IssuedCertificate;
let client: IssuedCertificate;
let bundle: string;

/** A registry of any kind with an image in it, and the flags and variables that reach it. */
interface Place {
  readonly host: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function mirror(words: readonly string[], { flags = [], env = {} }: Partial<Place> = {}) {
  return await runMirror([...words, ...flags], { cwd: directory.path, env });
}

/** Pushes, looks, and pulls again into another bundle. */
async function goThere(place: Place) {
  const target = `${place.host}/team/mirror`;
  const pushed = await mirror(["push", bundle, target, "--debug"], place);
  expect(pushed.stderr).not.toMatch(/^error/m);
  expect(pushed.exitCode).toBe(0);
  const looked = await mirror(["doctor", target, "--json"], place);
  const report = JSON.parse(looked.stdout) as DoctorJson;
  const again = directory.resolve(`again-${Math.random().toString(36).slice(2)}`);
  const { stdout } = await mirror(["doctor", target], place);
  expect(stdout).toMatch(/^CHECK +RESULT +DETAIL/);
  const receipt = JSON.parse(await readFile(directory.resolve("receipt.json"), "utf8")) as Receipt;
  const [first] = receipt.images;
  const name = `${target}/${first?.repository}:${first?.tag}`;
  const pulled = await mirror(["pull", again, "--include-image", name], place);
  expect(pulled.stderr).not.toMatch(/^error/m);
  expect(pulled.exitCode).toBe(0);
  return { looked, report };
}

interface DoctorJson {
  readonly schemaVersion: number;
  readonly usable: boolean;
  readonly checks: readonly { name: string; status: string; detail: string; hint?: string }[];
}

function statusOf(report: DoctorJson, name: string): string | undefined {
  return report.checks.find((check) => check.name === name)?.status;
}

async function storeLogin(...hosts: readonly string[]): Promise<string> {
  const path = directory.resolve("auth.json");
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth: LOGIN }]));
  await writeFile(path, JSON.stringify({ auths }));
  return path;
}

const tls = (): NonNullable<DockerRegistryOptions["tls"]> => certificate;

const tools = requireTool("docker-registry", "htpasswd", "openssl", "nginx", "tinyproxy");

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  authority = await createAuthority(directory.path);
  const names = "IP:127.0.0.1,IP:0.0.0.0,DNS:localhost";
  certificate = await authority.issue("registry", { names });
  client = await authority.issue("robot");
  bundle = directory.resolve("bundle");
  await using source = await startFaultRegistry();
  // more than nginx takes in one request
  seed(source, "acme/web", { v1: image({ layers: [randomLayer(3_000_000)] }) });
  const words = ["pull", bundle, "--include-image", `${source.host}/acme/web:v1`];
  expect((await mirror(words)).exitCode).toBe(0);
});

tools.describe("a docker-registry", () => {
  tools.test(
    "without login or TLS is used, and keeps nothing of what doctor has tried",
    async () => {
      await using registry = await startDockerRegistry({});
      const { report } = await goThere({ host: registry.host });
      expect(report.usable).toBe(true);
      expect(statusOf(report, "token")).toBe("skipped");
      expect(statusOf(report, "part-limit")).toBe("ok");
      expect(statusOf(report, "referrers")).toBe("limited");
      expect(report.checks.find(({ name }) => name === "mount")).toMatchObject({
        status: "ok",
        detail: "blobs are linked between repositories",
      });
      expect(statusOf(report, "clean-up")).toBe("ok");
      const left = await readdir(registry.storageDirectory, { recursive: true });
      const ofProbe = left.filter((path) => path.includes("team/mirror-mirror-doctor"));
      expect(ofProbe.filter((path) => path.endsWith("/link"))).toEqual([]);
    },
  );

  tools.test("with htpasswd is used with a login that mirror login has stored", async () => {
    await using registry = await startDockerRegistry({ htpasswd: USER });
    const { host } = registry;
    const authfile = directory.resolve("logins.json");
    const words = ["login", host, "-u", "ada", "--password-stdin", "--authfile", authfile];
    const wrong = await runMirror(words, { input: "wrong" });
    expect(wrong.exitCode).toBe(10);
    await expect(readFile(authfile)).rejects.toMatchObject({ code: "ENOENT" });
    const login = await runMirror(words, { input: `${MARKER}\n` });
    expect(login).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(authfile) });
    const { looked, report } = await goThere({ host, flags: ["--authfile", authfile] });
    expect(looked.exitCode).toBe(0);
    expect(report).toMatchObject({ schemaVersion: 1, usable: true });
    for (const name of ["push", "upload-parts", "clean-up", "mount"]) {
      expect([name, statusOf(report, name)]).not.toContain("failed");
    }
    const left = await readdir(registry.storageDirectory, { recursive: true });
    // the registry itself keeps an empty directory of a cancelled upload, but nothing that was sent
    expect(left.filter((path) => /_uploads\/.*\/(?:data|startedat)$/.test(path))).toEqual([]);
    await mirror(["logout", host, "--authfile", authfile]);
    const denied = await mirror(["doctor", `${host}/team/mirror`, "--authfile", authfile]);
    expect(denied.exitCode).toBe(10);
    expect(denied.stdout).toMatch(/login +failed/);
  });

  tools.test("with TLS of a private authority is named, and used with --ca-file", async () => {
    await using registry = await startDockerRegistry({ htpasswd: USER, tls: tls() });
    const { host } = registry;
    const env = { REGISTRY_AUTH_FILE: await storeLogin(host) };
    const refused = await mirror(["doctor", `${host}/team/mirror`], { env });
    expect(refused.exitCode).toBe(14);
    expect(refused.stdout).toMatch(/issued by "CN=mirror test CA"/);
    expect(refused.stdout).toMatch(/--ca-file/);
    const { report } = await goThere({
      host,
      env,
      flags: ["--ca-file", authority.certificatePath],
    });
    expect(report.usable).toBe(true);
    expect(report.checks.find(({ name }) => name === "tls")?.detail).toMatch(
      /TLSv1\.[23], CN=registry/,
    );
    const variable = { ...env, SSL_CERT_FILE: authority.certificatePath };
    expect((await mirror(["doctor", `${host}/team/mirror`], { env: variable })).exitCode).toBe(0);
  });

  tools.test("with mutual TLS wants our certificate, and gets it", async () => {
    const settings = { ...tls(), clientCaPath: authority.certificatePath };
    await using registry = await startDockerRegistry({ tls: settings });
    const { host } = registry;
    const ca = ["--ca-file", authority.certificatePath];
    const refused = await mirror(["doctor", `${host}/team/mirror`], { flags: ca });
    expect(refused.exitCode).toBe(14);
    expect(refused.stdout).toMatch(/--cert-file and --key-file/);
    const pair = ["--cert-file", client.certificatePath, "--key-file", client.keyPath];
    const { report } = await goThere({ host, flags: [...ca, ...pair] });
    expect(report.usable).toBe(true);
  });

  tools.test("behind nginx with a body limit gets smaller parts, and doctor says why", async () => {
    await using registry = await startDockerRegistry({});
    await using nginx = await startNginx(
      directory.resolve("nginx"),
      `client_max_body_size 2m; ${proxyTo(registry.host)}`,
    );
    const { report } = await goThere({ host: nginx.host });
    expect(statusOf(report, "part-limit")).toBe("limited");
    expect(report.checks.find(({ name }) => name === "part-limit")?.hint).toMatch(
      /client_max_body_size/,
    );
  });

  tools.test("behind a CONNECT proxy is reached with the proxy's user", async () => {
    await using registry = await startDockerRegistry({ htpasswd: USER, tls: tls() });
    // loopback is never proxied; this address leads here too and is not one of them
    const host = registry.host.replace("127.0.0.1", "0.0.0.0");
    const port = await freePort();
    await using _proxy = await startTinyproxy(port);
    const logins = { REGISTRY_AUTH_FILE: await storeLogin(host) };
    const flags = ["--ca-file", authority.certificatePath];
    const env = {
      ...logins,
      HTTPS_PROXY: `http://robot:${MARKER}@127.0.0.1:${port}`,
      HTTP_PROXY: `http://robot:${MARKER}@127.0.0.1:${port}`,
    };
    const { report } = await goThere({ host, env, flags });
    expect(report.usable).toBe(true);
    expect(report.checks[0]?.detail).toContain(`through the proxy 127.0.0.1:${port}`);
    const stranger = {
      ...logins,
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      HTTP_PROXY: `http://127.0.0.1:${port}`,
    };
    const refused = await mirror(["doctor", `${host}/team/mirror`], { env: stranger, flags });
    expect(refused.exitCode).toBe(14);
    expect(refused.stdout).toMatch(/proxy "127\.0\.0\.1:\d+"/);
  });
});

async function startTinyproxy(port: number): Promise<RunningProcess> {
  const path = directory.resolve("tinyproxy.conf");
  await writeFile(
    path,
    `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Info\nBasicAuth robot ${MARKER}\n`,
  );
  const running = await startProcess(findTool("tinyproxy") ?? "tinyproxy", ["-d", "-c", path]);
  await running.waitFor(/Accepting connections|Setting the various signals/i);
  return running;
}

import { mkdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeBundle } from "../serve/support/bundles.ts";
import { AMD64, ARM64, image, index, layer, pushArtifacts } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { type RunningProcess, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import {
  openBuildah,
  openPodman,
  startContainerd,
  startDockerd,
  type ToolSession,
} from "./support/container-daemons.ts";

const PLAIN = image({ name: "plain", layers: [layer({ "etc/plain": "plain\n" })] });
const MANY = index([
  image({ name: "amd64", platform: AMD64 }),
  image({ name: "arm64", platform: ARM64 }),
]);
const LOGIN = { username: "alice", password: "pass-word-1" };

let directory: TempDirectory;
let server: RunningProcess;
let host: string;

const start = (...flags: readonly string[]) =>
  startMirror([
    ...["serve", "--writable", "local", "--cache", directory.resolve("cache"), ...flags],
  ]);
const digestOf = ({ manifest }: typeof PLAIN) => manifest.descriptor.digest;
const headOf = (path: string, at = host) =>
  fetch(`http://${at}/v2/local/${path}`, { method: "HEAD" });
const digestAt = async (path: string, at = host) =>
  (await headOf(path, at)).headers.get("docker-content-digest");

beforeAll(async () => {
  directory = await openTempDirectory();
  server = await start("--listen", "127.0.0.1:0");
  host = await addressOf(server);
  await pushArtifacts(host, "local/base", { "1": PLAIN, many: MANY });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

/** Runs commands one after the other; each has to end well. */
async function runAll(session: ToolSession, commands: readonly (readonly string[])[]) {
  for (const command of commands) {
    const ran = await session.run(...command);
    expect(ran, `${command.join(" ")}: ${ran.stderr}`).toMatchObject({ exitCode: 0 });
  }
}

/** What a client has pushed can be read by another one, with all its blobs. */
async function expectReadable(name: string): Promise<void> {
  const copied = await runProcess("skopeo", [
    ...["copy", "--all", "--src-tls-verify=false", `docker://${host}/local/${name}`],
    `oci:${directory.resolve(name.replace(/\W/g, "-"))}`,
  ]);
  expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
}

requireTool("skopeo").test(
  "skopeo pushes images with all their platforms, and mounts what is there",
  async () => {
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests"];
    for (const target of ["skopeo/first:1", "skopeo/second:1"]) {
      const copied = await runProcess("skopeo", [
        ...["copy", "--all", ...plain],
        ...[`docker://${host}/local/base:many`, `docker://${host}/local/${target}`],
      ]);
      expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    }
    expect(await digestAt("skopeo/second/manifests/1")).toBe(digestOf(MANY));
    const deleted = await runProcess("skopeo", [
      ...["delete", "--tls-verify=false", `docker://${host}/local/skopeo/second:1`],
    ]);
    expect(deleted, deleted.stderr).toMatchObject({ exitCode: 0 });
    expect((await headOf("skopeo/second/manifests/1")).status).toBe(404);
  },
);

requireDaemon("podman", "skopeo").test("podman pulls from it and pushes to it", async () => {
  await using podman = await openPodman();
  await runAll(podman, [
    ["pull", "--quiet", "--tls-verify=false", `${host}/local/base:1`],
    ["push", "--quiet", "--tls-verify=false", `${host}/local/base:1`, `${host}/local/podman:1`],
  ]);
  await expectReadable("podman:1");
});

requireDaemon("buildah", "skopeo").test("buildah builds on it and pushes to it", async () => {
  await using buildah = await openBuildah();
  await runAll(buildah, [
    ["pull", "--quiet", "--tls-verify=false", `${host}/local/base:1`],
    ["tag", `${host}/local/base:1`, "made:1"],
    ["push", "--quiet", "--tls-verify=false", "made:1", `docker://${host}/local/buildah:1`],
  ]);
  await expectReadable("buildah:1");
});

requireDaemon("containerd", "ctr", "dockerd", "docker", "skopeo").test(
  "docker and ctr pull from it and push to it",
  async () => {
    await using containerd = await startContainerd();
    await runAll(containerd, [
      ["images", "pull", "--plain-http", "--all-platforms", `${host}/local/base:many`],
      ["images", "tag", `${host}/local/base:many`, `${host}/local/ctr:1`],
      ["images", "push", "--plain-http", `${host}/local/ctr:1`],
    ]);
    expect(await digestAt("ctr/manifests/1")).toBe(digestOf(MANY));
    await using docker = await startDockerd(containerd.socket);
    await runAll(docker, [
      ["pull", `${host}/local/base:1`],
      ["tag", `${host}/local/base:1`, `${host}/local/docker:1`],
      ["push", `${host}/local/docker:1`],
    ]);
    await expectReadable("docker:1");
  },
);

test("mirror push fills it from a bundle, and a second one sends nothing", async () => {
  const bundle = directory.resolve("bundle");
  await writeBundle(bundle, { "docker.io/library/a:1": PLAIN, "quay.io/acme/many:v1": MANY });
  const push = () => runMirror(["push", bundle, `${host}/local/repo`, "--insecure", "--json"]);
  const first = await push();
  expect(first, first.stderr).toMatchObject({ exitCode: 0 });
  expect(await digestAt("repo/docker.io/library/a/manifests/1")).toBe(digestOf(PLAIN));
  expect(await digestAt("repo/quay.io/acme/many/manifests/v1")).toBe(digestOf(MANY));
  const second = await push();
  expect(second, second.stderr).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(second.stdout).totals.sentBytes).toBe(0);
});

requireTool("htpasswd", "skopeo").test(
  "lets in who has a login, on any address, and has everything after a restart",
  async () => {
    const logins = directory.resolve("logins");
    const { password, username } = LOGIN;
    await runProcess("htpasswd", ["-B", "-b", "-c", logins, username, password]);
    await server[Symbol.asyncDispose]();
    const refused = await start("--listen", "0.0.0.0:0");
    const { exitCode, stderr } = await refused.finished;
    expect(stderr).toContain("everybody who can connect to 0.0.0.0 could push to local");
    expect(exitCode).toBe(2);
    server = await start("--listen", "0.0.0.0:0", "--htpasswd", logins, "--access-log");
    host = (await addressOf(server)).replace("0.0.0.0", "127.0.0.1");
    const auth = directory.resolve("auth");
    await mkdir(auth);
    const login = Buffer.from(`${username}:${password}`).toString("base64");
    const file = `${auth}/auth.json`;
    await writeFile(file, JSON.stringify({ auths: { [host]: { auth: login } } }));
    const copy = (target: string, ...flags: readonly string[]) =>
      runProcess("skopeo", [
        ...["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", ...flags],
        ...[`docker://${host}/local/base:many`, `docker://${host}/local/${target}`],
      ]);
    const copied = await copy("late:1", "--authfile", file);
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    expect((await copy("never:1")).exitCode).not.toBe(0);
    expect(server.stdout + server.stderr).not.toContain(password);
  },
);

async function addressOf(running: RunningProcess): Promise<string> {
  const [, port] = await running.waitFor(/"port":(\d+)/);
  return `127.0.0.1:${port}`;
}

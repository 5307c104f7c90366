import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { writeBundle } from "../serve/support/bundles.ts";
import { image } from "../support/artifacts.ts";
import { MAIN, runMirror, startMirror } from "../support/cli.ts";
import {
  type ProcessResult,
  type RunningProcess,
  runProcess,
  startProcess,
} from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon } from "../support/tool.ts";
import { openBuildah, startContainerd, startDockerd } from "./support/container-daemons.ts";
import { copyOfConfiguration, OWN_ADDRESS, startOwnMachine } from "./support/own-machine.ts";

const BUILT = image({ name: "a" });
const { digest: DIGEST } = BUILT.manifest.descriptor;

let directory: TempDirectory;
let server: RunningProcess;
let place: string;

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeBundle(directory.resolve("bundle"), { "docker.io/library/a:1": BUILT });
  server = await startMirror([
    ...["serve", directory.resolve("bundle"), "--listen", "127.0.0.1:0"],
    ...["--tls", "self-signed", "--tls-directory", directory.resolve("tls")],
  ]);
  const [, url = ""] = await server.waitFor(/"url":"https:\/\/([^"]+)"/);
  place = url;
  await server.waitFor(/client-config RUNTIME/);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

/** The command that the server has printed for a client. */
async function printed(client: string, running = server): Promise<string> {
  const [, command = ""] = await running.waitFor(new RegExp(`# .*${client}.*\\n +(.+)`));
  return command;
}

/** Runs a script on a copy of what this machine has configured, which is gone when it ends. */
async function runAside(script: string): Promise<ProcessResult> {
  const lines = [await copyOfConfiguration(directory.path), script];
  return await runProcess("unshare", ["--mount", "sh", "-c", lines.join("\n")], {
    env: { ...process.env, HOME: directory.path },
  });
}

requireDaemon("unshare", "mount", "curl").test(
  "curl trusts the server after what is printed for it, and not before",
  async () => {
    const url = `https://${place}/v2/`;
    const refused = await runProcess("curl", ["-sS", url]);
    expect(refused.stderr).toMatch(/certificate/);
    const { exitCode, stderr } = await runAside(await printed("curl"));
    expect(exitCode, stderr).toBe(0);
  },
);

requireDaemon("unshare", "mount", "curl", "update-ca-certificates").test(
  "everything on the system trusts the server after what is printed for its store",
  async () => {
    const script = `${await printed("Debian")}\ncurl -sS https://${place}/v2/`;
    const { exitCode, stderr } = await runAside(script);
    expect(exitCode, stderr).toBe(0);
  },
);

requireDaemon("unshare", "mount", "skopeo", "podman").test(
  "skopeo and podman trust the server after what is printed for them, and not before",
  async () => {
    const name = `docker://${place}/docker.io/library/a:1`;
    const inspect = `skopeo inspect --format '{{.Digest}}' ${name}`;
    const refused = await runAside(inspect);
    expect(refused.stderr).toMatch(/certificate signed by unknown authority/);
    const step = await printed("podman");
    const trusted = await runAside(`${step}\n${inspect}`);
    expect(trusted.stdout.trim(), trusted.stderr).toBe(DIGEST);
    const store = `--root ${directory.resolve("root")} --runroot ${directory.resolve("run")}`;
    const policy = directory.resolve("policy.json");
    await writeFile(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    const pull = `podman ${store} --storage-driver vfs pull --signature-policy ${policy} ${name}`;
    const pulled = await runAside(`${step}\n${pull}`);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
  },
);

requireDaemon("unshare", "mount", "containerd", "ctr").test(
  "containerd trusts the server after what is printed for it, and not before",
  async () => {
    await using containerd = await startContainerd();
    const pull = `ctr --address ${containerd.socket} images pull --hosts-dir /etc/containerd/certs.d ${place}/docker.io/library/a:1`;
    // At an address of this machine it goes on to try plain HTTP
    expect((await runAside(pull)).exitCode).not.toBe(0);
    const { exitCode, stderr } = await runAside(`${await printed("containerd")}\n${pull}`);
    expect(exitCode, stderr).toBe(0);
  },
);

requireDaemon("unshare", "mount", "buildah").test(
  "buildah trusts the server after what is printed for it, and not before",
  async () => {
    await using buildah = await openBuildah();
    const name = `${place}/docker.io/library/a:1`;
    const store = Object.entries(buildah.env).map(([key, value]) => `export ${key}=${value}`);
    const pull = [...store, `buildah pull --quiet ${name}`].join("\n");
    expect((await runAside(pull)).stderr).toMatch(/certificate signed by unknown authority/);
    const { exitCode, stderr } = await runAside(`${await printed("buildah")}\n${pull}`);
    expect(exitCode, stderr).toBe(0);
  },
);

requireDaemon("unshare", "nsenter", "mount", "ip", "containerd", "dockerd", "docker").test(
  "dockerd trusts the server after what is printed for it, and not before",
  async () => {
    // It trusts every server at a loopback address
    await using machine = await startOwnMachine();
    const [nsenter = "", ...inside] = machine.inside;
    await using own = await startProcess(nsenter, [
      ...[...inside, process.execPath, MAIN, "serve", directory.resolve("bundle")],
      ...["--listen", `${OWN_ADDRESS}:0`],
      ...["--tls", "self-signed", "--tls-directory", directory.resolve("docker-tls")],
    ]);
    const [, registry] = await own.waitFor(/"url":"https:\/\/([^"]+)"/);
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket, [], machine.inside);
    const name = `${registry}/docker.io/library/a:1`;
    expect((await docker.run("pull", name)).stderr).toMatch(/x509: certificate signed by unknown/);
    const step = await printed("Docker", own);
    const { exitCode, stderr } = await runProcess(nsenter, [...inside, "sh", "-c", step]);
    expect(exitCode, stderr).toBe(0);
    const pulled = await docker.run("pull", name);
    expect(pulled.stdout, pulled.stderr).toContain(`Digest: ${DIGEST}`);
  },
);

requireDaemon("containerd", "ctr").test(
  "a tree of client-config with the authority makes containerd pull from the server",
  async () => {
    await using containerd = await startContainerd();
    const tree = directory.resolve("certs.d");
    const { exitCode, stderr } = await runMirror([
      ...["client-config", "containerd", "--mirror", `https://${place}`, "--no-fallback"],
      ...["--ca-file", directory.resolve("tls", "ca.crt"), "--namespaces", "docker.io"],
      ...["--out", tree],
    ]);
    expect(exitCode, stderr).toBe(0);
    const flags = ["images", "pull", "--hosts-dir", tree, "docker.io/library/a:1"];
    const pulled = await containerd.run(...flags);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
  },
);

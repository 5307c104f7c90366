import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect } from "vitest";
import { writeBundle } from "../serve/support/bundles.ts";
import { image, layer } from "../support/artifacts.ts";
import { createCertificate } from "../support/certificate.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { type RunningProcess, runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";
import { freePort, startNginx } from "./support/nginx.ts";

const BASE = layer({ "etc/base.txt": "shared\n" });
const plain = (name: string) => image({ name, layers: [BASE, layer({ [name]: name })] });

/** The same repository in two registries, and one with a port. */
const IMAGES = {
  "docker.io/library/a:1": plain("hub"),
  "quay.io/library/a:1": plain("quay"),
  "reg.example:5000/acme/web:v1": plain("port"),
};
const digestOf = ({ manifest }: ReturnType<typeof plain>) => manifest.descriptor.digest;

let directory: TempDirectory;
let bundle: string;
let server: RunningProcess;
let mirror: string;

beforeAll(async () => {
  directory = await openTempDirectory();
  bundle = directory.resolve("bundle");
  await writeBundle(bundle, IMAGES);
  server = await startMirror(["serve", bundle, "--listen", "127.0.0.1:0"]);
  mirror = await addressOf(server);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

requireDaemon("containerd", "ctr").describe("containerd with the generated tree", () => {
  for (const form of ["ns", "path"]) {
    requireDaemon("containerd", "ctr").test(
      `C2: pulls from the mirror in form ${form}, and its debug log has no file that it cannot read`,
      async () => {
        await using containerd = await startContainerd();
        const tree = await configure("containerd", form, "--form", form, "--no-fallback");
        for (const [name, built] of Object.entries(IMAGES)) {
          const flags = ["--debug", "images", "pull", "--hosts-dir", tree];
          const pulled = await containerd.run(...flags, name);
          expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
          expect(pulled.stderr).not.toMatch(/failed to decode|invalid `host` tree/);
          const { stdout } = await containerd.run("images", "ls");
          expect(stdout).toMatch(new RegExp(`${name} .*${digestOf(built)}`));
        }
      },
    );
  }

  requireDaemon("containerd", "ctr").test(
    "C2: asks nobody else when the mirror is gone and nobody else may be asked",
    async () => {
      await using containerd = await startContainerd();
      const gone = `http://127.0.0.1:${await freePort()}`;
      const tree = directory.resolve("gone");
      const words = ["containerd", "--mirror", gone, "--bundle", bundle, "--no-fallback"];
      await expectDone("client-config", ...words, "--out", tree);
      const pulled = await containerd.run(
        ...["images", "pull", "--hosts-dir", tree, "docker.io/library/a:1"],
      );
      expect(pulled.exitCode).not.toBe(0);
      expect(pulled.stderr).toContain(gone);
      expect(pulled.stderr).not.toMatch(/registry-1\.docker\.io|no such host|lookup/);
    },
  );
});

requireTool("podman").test(
  "C3: podman with the generated drop-in pulls by tag and digest",
  async () => {
    const tree = await configure("podman", "podman", "--no-fallback");
    const drop = `${tree}/registries.conf.d/50-mirror.conf`;
    await using podman = await openPodman({ CONTAINERS_REGISTRIES_CONF: drop });
    const hub = IMAGES["docker.io/library/a:1"];
    for (const name of Object.keys(IMAGES)) {
      const pulled = await podman.run("pull", "--quiet", name);
      expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    }
    const pinned = await podman.run("pull", "--quiet", `docker.io/library/a@${digestOf(hub)}`);
    expect(pinned, pinned.stderr).toMatchObject({ exitCode: 0 });
    const missing = await podman.run("pull", "--quiet", "docker.io/library/missing:1");
    expect(missing.exitCode).not.toBe(0);
    expect(missing.stderr).toMatch(/blocked/);
  },
);

requireDaemon("containerd", "dockerd", "docker").test(
  "C4: dockerd starts with the generated daemon.json, lists the mirror and pulls from it",
  async () => {
    await using own = await startMirror([
      ...["serve", bundle, "--listen", "127.0.0.1:0", "--default-namespace", "docker.io"],
    ]);
    const address = await addressOf(own);
    const tree = directory.resolve("docker");
    const words = ["docker", "--mirror", address, "--namespaces", "docker.io", "--out", tree];
    await expectDone("client-config", ...words);
    await using containerd = await startContainerd();
    await using docker = await startDockerd(containerd.socket, [
      ...["--config-file", `${tree}/daemon.json`],
    ]);
    const info = await docker.run("info", "--format", "{{json .RegistryConfig.Mirrors}}");
    expect(JSON.parse(info.stdout)).toEqual([`${address}/`]);
    const pulled = await docker.run("pull", "a:1");
    expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    expect(pulled.stdout).toContain(digestOf(IMAGES["docker.io/library/a:1"]));
  },
);

requireTool("nginx", "openssl", "curl").test(
  "P2 P9: nginx takes the generated block, leads by host name, passes no pushes and logs no login",
  async () => {
    await using own = await serveByHosts();
    const { port, tree } = await configureProxy("nginx", own);
    const path = `${tree}/conf.d/mirror.conf`;
    // Ports below 1024 are not a test's, and an address may have one family only
    const text = (await readFile(path, "utf8"))
      .replaceAll("listen 80;", `listen 127.0.0.1:${await freePort()};`)
      .replaceAll(/^ *listen \[::\].*$/gm, "");
    await writeFile(path, text);
    await using _nginx = await startNginx(directory.resolve("run"), `} include ${path}; server {`);
    await expectProxied(port);
  },
);

requireTool("caddy", "openssl", "curl").test(
  "P2 P9: Caddy takes the generated block, leads by host name, passes no pushes and logs no login",
  async () => {
    await using own = await serveByHosts();
    const { port, tree } = await configureProxy("caddy", own);
    const path = `${tree}/Caddyfile`;
    const globals = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
    await writeFile(path, `${globals}import mirror.caddy\n`);
    const env = { ...process.env, HOME: directory.path, XDG_CONFIG_HOME: directory.path };
    const flags = ["run", "--config", path, "--adapter", "caddyfile"];
    await using caddy = await startProcess(findTool("caddy") ?? "caddy", flags, { env });
    await caddy.waitFor(/serving initial configuration/);
    await expectProxied(port);
    caddy.kill("SIGTERM");
    const { stderr } = await caddy.finished;
    expect(stderr).toContain("/v2/library/a/manifests/1");
    expect(stderr).not.toContain(Buffer.from("alice:secret").toString("base64"));
  },
);

/** `serve` that knows registries by the names that a proxy passes on. */
function serveByHosts(): Promise<RunningProcess> {
  return startMirror([
    ...["serve", bundle, "--listen", "127.0.0.1:0", "--trust-proxy", "127.0.0.1"],
    ...["--host", "docker-registry.mirror.test=docker.io"],
    ...["--host", "quay-registry.mirror.test=quay.io"],
  ]);
}

async function configureProxy(runtime: string, own: RunningProcess) {
  const { certificatePath, keyPath } = await createCertificate(directory.path);
  const port = await freePort();
  const tree = directory.resolve(runtime);
  await expectDone(
    ...["client-config", runtime, "--mirror", await addressOf(own), "--domain", "mirror.test"],
    ...["--namespaces", "docker.io,quay.io", "--port", String(port), "--out", tree],
    ...["--cert-file", certificatePath, "--key-file", keyPath],
  );
  return { port, tree };
}

async function expectProxied(port: number): Promise<void> {
  for (const name of ["docker", "quay"] as const) {
    const host = `${name}-registry.mirror.test:${port}`;
    const listed = await curl(host, port, "/v2/library/a/manifests/1", "-I");
    const built = IMAGES[`${name === "docker" ? "docker.io" : "quay.io"}/library/a:1`];
    expect(listed.stdout.toLowerCase()).toContain(`docker-content-digest: ${digestOf(built)}`);
    const pushed = await curl(host, port, "/v2/library/a/blobs/uploads/", "-X", "POST", "-i");
    expect(pushed.stdout).toMatch(/^HTTP\/\S+ (?:403|405)/);
  }
}

const analyze = findTool("systemd-analyze");
requireTool("systemd-analyze").test("R9: systemd takes the generated unit", async () => {
  const tree = directory.resolve("systemd");
  const words = ["systemd", "--mirror", "http://127.0.0.1:5000", "--bundle", bundle];
  const program = ["--program", process.execPath, "--port", "5000"];
  await expectDone("client-config", ...words, ...program, "--out", tree);
  const checked = await runProcess(analyze ?? "", ["verify", "--man=no", `${tree}/mirror.service`]);
  expect(checked.stderr.split("\n").filter((line) => line.includes("mirror.service"))).toEqual([]);
  await rm(tree, { recursive: true });
});

async function curl(host: string, port: number, path: string, ...flags: readonly string[]) {
  const [name] = host.split(":");
  const words = ["-sk", "--resolve", `${name}:${port}:127.0.0.1`, "-u", "alice:secret", ...flags];
  return await runProcess("curl", [...words, `https://${host}${path}`]);
}

async function configure(runtime: string, name: string, ...flags: readonly string[]) {
  const tree = directory.resolve(`tree-${name}`);
  await mkdir(tree, { recursive: true });
  const words = [runtime, "--mirror", mirror, "--bundle", bundle, "--out", tree];
  await expectDone("client-config", ...words, ...flags);
  return tree;
}

async function expectDone(...words: readonly string[]): Promise<void> {
  const result = await runMirror(words);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
}

async function addressOf(running: RunningProcess): Promise<string> {
  const [, url = ""] = await running.waitFor(/"url":"([^"]+)"/);
  return url;
}

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { image, layer, pushArtifacts } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { type RunningProcess, runProcess } from "../support/run-process.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { startContainerd, startDockerd } from "./support/container-daemons.ts";
import { pullByCri } from "./support/cri.ts";

const HUB = image({ name: "hub", layers: [layer({ hub: "hub" })] });
const QUAY = image({ name: "quay", layers: [layer({ quay: "quay" })] });
const NAMES = { "docker.io/library/a:1": HUB, "quay.io/library/a:1": QUAY };
const PASSWORD = `${MARKER}@=1`;

requireTool("docker-registry", "htpasswd").describe("mirror serve with upstreams", () => {
  let directory: TempDirectory;
  let hub: DockerRegistry;
  let quay: DockerRegistry;

  beforeAll(async () => {
    directory = await openTempDirectory();
    hub = await startDockerRegistry();
    quay = await startDockerRegistry();
    await pushArtifacts(hub.host, "library/a", { "1": HUB });
    await pushArtifacts(quay.host, "library/a", { "1": QUAY });
  });

  afterAll(async () => {
    for (const opened of [hub, quay, directory]) await opened?.[Symbol.asyncDispose]();
  });

  const serve = (cache: string, ...flags: readonly string[]) =>
    startMirror([
      ...["serve", "--listen", "127.0.0.1:0", "--cache", directory.resolve(cache)],
      ...["--upstream", `docker.io=http://${hub.host},quay.io=http://${quay.host}`, ...flags],
    ]);

  requireDaemon("containerd", "ctr").test(
    "K1: leads ctr to two registries that have one name with different content",
    async () => {
      await using server = await serve("k1");
      const hosts = await writeHosts(directory.resolve("k1.d"), server);
      await using containerd = await startContainerd();
      for (const name of Object.keys(NAMES)) {
        const pulled = await containerd.run("images", "pull", "--hosts-dir", hosts, name);
        expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
      }
      const { stdout } = await containerd.run("images", "ls");
      for (const [name, { manifest }] of Object.entries(NAMES)) {
        expect(stdout).toMatch(new RegExp(`${name} .*${manifest.descriptor.digest}`));
      }
    },
  );

  requireDaemon("containerd").test(
    "K2 K3: gives kubelet's interface images, from the cache when the upstreams are down",
    async () => {
      const own = [await startDockerRegistry(), await startDockerRegistry()] as const;
      await pushArtifacts(own[0].host, "library/a", { "1": HUB });
      await pushArtifacts(own[1].host, "library/a", { "1": QUAY });
      const upstreams = `docker.io=http://${own[0].host},quay.io=http://${own[1].host}`;
      await using server = await startMirror([
        ...["serve", "--listen", "127.0.0.1:0", "--cache", directory.resolve("k2")],
        ...["--upstream", upstreams, "--revalidate", "0s"],
      ]);
      const hosts = await writeHosts(directory.resolve("k2.d"), server);
      for (const turn of ["up", "down"]) {
        if (turn === "down") for (const registry of own) await registry[Symbol.asyncDispose]();
        await using containerd = await startContainerd({ criConfigPath: hosts });
        for (const name of Object.keys(NAMES)) {
          expect(await pullByCri(containerd.socket, name)).toEqual({ status: 0, message: "" });
        }
      }
      await server.waitFor(/warning: docker\.io\/library\/a:1 is stale: .*is refused/);
      await server.waitFor(/warning: quay\.io\/library\/a:1 is stale: .*is refused/);
    },
  );

  requireDaemon("containerd", "dockerd", "docker").test(
    "P3: is a mirror of Docker Hub for dockerd that asks for everything once",
    async () => {
      await using own = await startDockerRegistry();
      await pushArtifacts(own.host, "library/a", { "1": HUB });
      const pushed = own.log.length;
      await using server = await startMirror([
        ...["serve", "--listen", "127.0.0.1:0", "--cache", directory.resolve("p3")],
        ...["--upstream", `docker.io=http://${own.host},quay.io=http://${quay.host}`],
        ...["--default-namespace", "docker.io"],
      ]);
      await using containerd = await startContainerd();
      const mirror = `http://${await addressOf(server)}`;
      await using docker = await startDockerd(containerd.socket, ["--registry-mirror", mirror]);
      const pulled = await docker.run("pull", "a:1");
      expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
      const { blobs, manifest } = HUB;
      expect(pulled.stdout).toContain(`Digest: ${manifest.descriptor.digest}`);
      const wanted = blobs.map(({ descriptor }) => `/v2/library/a/blobs/${descriptor.digest}`);
      const asked = own.log
        .slice(pushed)
        .split("\n")
        .filter((line) => line.includes("response completed"))
        .flatMap((line) => /http\.request\.uri="?(\/v2\/library[^" ]+)/.exec(line)?.[1] ?? []);
      expect(asked.sort()).toEqual(["/v2/library/a/manifests/1", ...wanted].sort());
    },
  );

  requireTool("skopeo").test("K1: gives skopeo the digests of the registries", async () => {
    await using server = await serve("skopeo");
    const host = await addressOf(server);
    for (const [name, { manifest }] of Object.entries(NAMES)) {
      const target = `oci:${directory.resolve(`skopeo-${name.slice(0, 4)}`)}`;
      const copied = await runProcess("skopeo", [
        ...["copy", "--all", "--preserve-digests", "--src-tls-verify=false"],
        ...[`docker://${host}/${name}`, target],
      ]);
      expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
      const layout = JSON.parse(await readFile(`${target.slice(4)}/index.json`, "utf8"));
      expect(layout.manifests[0].digest).toBe(manifest.descriptor.digest);
    }
  });

  test("K4: logs in with a password from the environment, which is nowhere to be seen", async () => {
    await using closed = await startDockerRegistry({
      htpasswd: { username: "alice", password: PASSWORD },
    });
    const authorization = `Basic ${Buffer.from(`alice:${PASSWORD}`).toString("base64")}`;
    await pushArtifacts(closed.host, "acme/a", { "1": HUB }, { headers: { authorization } });
    await using server = await startMirror(
      [
        ...["serve", "--listen", "127.0.0.1:0", "--access-log", "--cache", directory.resolve("k4")],
        ...["--upstream", `\${U}:\${P}@ghcr.io=http://${closed.host}`],
      ],
      { env: { ...process.env, U: "alice", P: PASSWORD } },
    );
    const url = `http://${await addressOf(server)}/v2/acme/a/manifests/1?ns=ghcr.io`;
    const response = await fetch(url);
    expect(response.headers.get("docker-content-digest")).toBe(HUB.manifest.descriptor.digest);
    const commandLine = await readFile(`/proc/${server.pid}/cmdline`, "utf8");
    expect(commandLine + server.stdout + server.stderr).not.toContain(MARKER);
  });

  test("K5: names everything that is wrong at once, and does not listen", async () => {
    const specs = ["=x", "host=", "u@"].flatMap((spec) => ["--upstream", spec]);
    const { exitCode, stderr, stdout } = await runMirror(["serve", ...specs, "--listen", ":0"]);
    expect(exitCode).toBe(2);
    for (const text of ['"=x"', '"host="', '"u@"']) expect(stderr).toContain(text);
    expect(stdout).toBe("");
  });

  test("K6: says which variable of a login is not set", async () => {
    const { exitCode, stderr } = await runMirror(
      ["serve", "--upstream", `\${U}:\${P}@ghcr.io`, "--listen", ":0"],
      { env: { ...process.env, U: "alice" } },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain("credentials for ghcr.io incomplete: P is not set");
  });
});

async function addressOf(running: RunningProcess): Promise<string> {
  const [, port] = await running.waitFor(/"port":(\d+)/);
  return `127.0.0.1:${port}`;
}

/** Mirror only, in the form that every version of containerd reads. */
async function writeHosts(hosts: string, server: RunningProcess): Promise<string> {
  const url = `http://${await addressOf(server)}`;
  for (const name of ["docker.io", "quay.io"]) {
    await mkdir(`${hosts}/${name}`, { recursive: true });
    const text = `server = "${url}"\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`;
    await writeFile(`${hosts}/${name}/hosts.toml`, text);
  }
  return hosts;
}

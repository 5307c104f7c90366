import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf as hashOf } from "../../src/oci/digest.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { AMD64, ARM64, image, index, layer } from "../support/artifacts.ts";
import { createCertificate } from "../support/certificate.ts";
import { MAIN, startMirror } from "../support/cli.ts";
import { type RunningProcess, runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";
import { pullByCri } from "./support/cri.ts";

const BASE = layer({ "etc/base.txt": "shared\n", "large.bin": Buffer.alloc(400_000, "content ") });
const plain = (name: string) => image({ name, layers: [BASE, layer({ [name]: name })] });
const HUB = plain("hub");
const QUAY = plain("quay");
const PORT = plain("port");
const MANY = index([
  image({ name: "amd64", platform: AMD64, layers: [BASE] }),
  image({ name: "arm64", platform: ARM64, layers: [BASE] }),
]);
const UNTYPED = withoutMediaType(plain("untyped"));

const IMAGES = {
  "docker.io/library/a:1": HUB,
  "quay.io/library/a:1": QUAY,
  "quay.io/acme/many:v1": MANY,
  "quay.io/acme/untyped:v1": UNTYPED,
  "reg.example:5000/acme/web:v1": PORT,
};

let directory: TempDirectory;
let bundle: string;
let server: RunningProcess;
let host: string;

const digestOf = ({ manifest }: typeof HUB) => manifest.descriptor.digest;

beforeAll(async () => {
  directory = await openTempDirectory();
  bundle = directory.resolve("bundle");
  await writeBundle(bundle, IMAGES);
  server = await startMirror(["serve", bundle, "--listen", "127.0.0.1:0", "--access-log"]);
  host = await addressOf(server);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

describe("mirror serve", () => {
  requireTool("skopeo").test(
    "R1: gives skopeo every image with all its platforms, digests unchanged",
    async () => {
      for (const [name, built] of Object.entries(IMAGES)) {
        const path = name.replace("example:5000", "example-5000");
        const target = `oci:${directory.resolve(`skopeo-${hashOf(name).slice(7, 15)}`)}`;
        const copied = await runProcess("skopeo", [
          ...["copy", "--all", "--preserve-digests", "--src-tls-verify=false"],
          ...[`docker://${host}/${path}`, target],
        ]);
        expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
        const layout = JSON.parse(await readFile(`${target.slice(4)}/index.json`, "utf8"));
        expect(layout.manifests[0].digest).toBe(digestOf(built));
      }
    },
  );

  requireDaemon("containerd", "ctr").describe("with containerd", () => {
    test("R2: pulls by the names of three registries, one of them with a port", async () => {
      await using containerd = await startContainerd();
      const hosts = await writeHosts(["docker.io", "quay.io", "reg.example_5000_"]);
      for (const name of Object.keys(IMAGES)) {
        const pulled = await containerd.run(
          ...["images", "pull", "--hosts-dir", hosts, "--all-platforms", name],
        );
        // On a busy machine ctr says on stderr that it has stopped watching a download that is done
        expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
      }
      const { stdout } = await containerd.run("images", "ls");
      for (const [name, built] of Object.entries(IMAGES)) {
        expect(stdout).toMatch(new RegExp(`${name} .*${digestOf(built)}`));
      }
    });
  });

  requireDaemon("containerd").test(
    "R2: gives kubelet's interface images of three registries, one of them with a port",
    async () => {
      const hosts = await writeHosts(["docker.io", "quay.io", "reg.example_5000_"]);
      await using containerd = await startContainerd({ criConfigPath: hosts });
      for (const name of Object.keys(IMAGES)) {
        expect(await pullByCri(containerd.socket, name)).toEqual({ status: 0, message: "" });
      }
    },
  );

  requireDaemon("containerd", "dockerd", "docker").test(
    "P3: is a mirror of Docker Hub for dockerd",
    async () => {
      await using containerd = await startContainerd();
      await using own = await startMirror([
        ...["serve", bundle, "--listen", "127.0.0.1:0", "--default-namespace", "docker.io"],
      ]);
      const mirror = `http://${await addressOf(own)}`;
      await using docker = await startDockerd(containerd.socket, ["--registry-mirror", mirror]);
      const pulled = await docker.run("pull", "a:1");
      expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
      expect(pulled.stdout).toContain(`Digest: ${digestOf(HUB)}`);
    },
  );

  requireDaemon("podman").test("is a mirror of any registry for podman", async () => {
    const config = directory.resolve("registries.conf");
    const tables = ["docker.io", "quay.io"].map((name) =>
      [
        `[[registry]]\nlocation = "${name}"\nblocked = true\n[[registry.mirror]]`,
        `location = "${host}/${name}"\ninsecure = true\n`,
      ].join("\n"),
    );
    await writeFile(config, tables.join("\n"));
    await using podman = await openPodman({ CONTAINERS_REGISTRIES_CONF: config });
    for (const name of ["docker.io/library/a:1", "quay.io/acme/many:v1"] as const) {
      const pulled = await podman.run("pull", "--quiet", name);
      expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
      const [found] = (await podman.run("images", "--format", "{{.Digest}}", name)).stdout
        .trim()
        .split("\n");
      expect(found).toBe(digestOf(IMAGES[name]));
    }
  });

  requireTool("skopeo").test("lists the tags of a repository for skopeo", async () => {
    const list = await runProcess("skopeo", [
      ...["list-tags", "--tls-verify=false", `docker://${host}/quay.io/acme/many`],
    ]);
    expect(JSON.parse(list.stdout)).toMatchObject({ Tags: ["v1"] });
  });

  requireTool("openssl", "htpasswd", "skopeo").test(
    "R10: lets skopeo in over HTTPS with a login, reads the logins again on SIGHUP, and prints none",
    async () => {
      await using own = await openTempDirectory();
      const certs = own.resolve("certs");
      await mkdir(certs);
      const { certificatePath, keyPath } = await createCertificate(own.path);
      await copyFile(certificatePath, `${certs}/ca.crt`);
      const logins = own.resolve("htpasswd");
      const write = (password: string) =>
        runProcess("htpasswd", ["-B", "-b", "-c", logins, "alice", password]);
      await write("first-password");
      await using running = await startMirror([
        ...["serve", bundle, "--listen", "127.0.0.1:0", "--access-log", "--htpasswd", logins],
        ...["--tls-cert", certificatePath, "--tls-key", keyPath],
      ]);
      const image = `docker://${await addressOf(running)}/docker.io/library/a:1`;
      const inspect = (password: string) =>
        runProcess("skopeo", [
          ...["inspect", "--cert-dir", certs, "--creds", `alice:${password}`, image],
        ]);
      expect((await inspect("first-password")).stdout).toContain(digestOf(HUB));
      expect((await inspect("wrong-password")).exitCode).not.toBe(0);
      await write("second-password");
      running.kill("SIGHUP");
      await running.waitFor(/read certificates and logins again/);
      expect((await inspect("second-password")).stdout).toContain(digestOf(HUB));
      expect((await inspect("first-password")).exitCode).not.toBe(0);
      expect(running.stdout + running.stderr).not.toMatch(/(?:first|second|wrong)-password|Basic/);
    },
  );

  test("R3: names the type of a manifest that does not say it itself", async () => {
    const response = await fetch(`http://${host}/v2/quay.io/acme/untyped/manifests/v1`, {
      method: "HEAD",
    });
    expect(response.headers.get("content-type")).toBe(UNTYPED.manifest.descriptor.mediaType);
  });

  requireTool("strace").test("R1: writes nothing anywhere", async () => {
    const log = directory.resolve("strace.log");
    const traced = [...["-D", "-f", "-qq", "-o", log, "-e", "trace=%file"], process.execPath, MAIN];
    const running = await startProcess(
      findTool("strace") ?? "strace",
      [...traced, "serve", bundle, "--listen", "127.0.0.1:0"],
      { env: { PATH: process.env["PATH"], HOME: directory.path } },
    );
    const [, port] = await running.waitFor(/"port":(\d+)/);
    const base = `http://127.0.0.1:${port}/v2/quay.io/acme/many`;
    for (const path of ["manifests/v1", `blobs/${BASE.descriptor.digest}`, "tags/list"]) {
      await (await fetch(`${base}/${path}`)).arrayBuffer();
    }
    running.kill("SIGTERM");
    await running.finished;
    const writes = (await readFile(log, "utf8"))
      .split("\n")
      .filter((line) =>
        /O_WRONLY|O_RDWR|O_CREAT|\b(?:mkdir|rename|unlink|link|symlink|chmod|utime)/.test(line),
      )
      .filter((line) => !/"\/dev\/(?:null|tty)"|ENOENT/.test(line));
    expect(writes).toEqual([]);
  });

  test("K10: prints the port that it chose as JSON, and ends with 0 when it is told to stop", async () => {
    const own = await startMirror(["serve", bundle, "--listen", ":0"]);
    const [line] = await own.waitFor(/^\{.*\}$/m);
    expect(JSON.parse(line)).toMatchObject({ type: "listening", address: "127.0.0.1" });
    own.kill("SIGTERM");
    expect((await own.finished).exitCode).toBe(0);
  });

  test("F11: tells metrics at an address of their own, and writes a file when it is ready", async () => {
    const readyFile = directory.resolve("ready.json");
    await using own = await startMirror([
      ...["serve", bundle, "--listen", ":0", "--ready-file", readyFile],
      ...["--metrics", "127.0.0.1:0"],
    ]);
    const address = await addressOf(own);
    expect(JSON.parse(await readFile(readyFile, "utf8")).url).toBe(`http://${address}`);
    const [, port] = await own.waitFor(/"metricsPort":(\d+)/);
    await (await fetch(`http://${address}/v2/quay.io/acme/many/manifests/v1`)).text();
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await expect
      .poll(metrics)
      .toContain(
        'mirror_serve_requests_total{namespace="quay.io",kind="manifest",code="200",cache="bundle"} 1',
      );
  });

  test("K10: ends with a status of its own when the port is taken", async () => {
    const { exitCode, stderr } = await (await startMirror(["serve", bundle, "--listen", host]))
      .finished;
    expect(stderr).toMatch(
      new RegExp(`^error: Cannot listen on ${host}: the port is in use by process ${server.pid} `),
    );
    expect(exitCode).toBe(33);
  });

  test("prints a line for each request on request", async () => {
    await fetch(`http://${host}/v2/docker.io/library/a/tags/list`);
    const [line] = await server.waitFor(/^.*docker\.io\/library\/a\/tags\/list.*$/m);
    expect(line).toMatch(
      /^127\.0\.0\.1 GET \/v2\/docker\.io\/library\/a\/tags\/list .*200 \d+ bytes/,
    );
  });
});

async function addressOf(running: RunningProcess): Promise<string> {
  const [, port] = await running.waitFor(/"port":(\d+)/);
  return `127.0.0.1:${port}`;
}

/** Mirror only, in the form that every version of containerd reads. */
async function writeHosts(names: readonly string[]): Promise<string> {
  const hosts = directory.resolve("certs.d");
  for (const name of names) {
    await mkdir(`${hosts}/${name}`, { recursive: true });
    const text = `server = "http://${host}"\n[host."http://${host}"]\n  capabilities = ["pull", "resolve"]\n`;
    await writeFile(`${hosts}/${name}/hosts.toml`, text);
  }
  return hosts;
}

/** Manifests of OCI may leave out what they are. */
function withoutMediaType(built: typeof HUB): typeof HUB {
  const { mediaType, ...fields } = JSON.parse(built.manifest.bytes.toString());
  const bytes = Buffer.from(JSON.stringify(fields));
  const descriptor = { mediaType, digest: hashOf(bytes), size: bytes.length };
  return { ...built, manifest: { descriptor, bytes } };
}

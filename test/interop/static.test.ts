import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitForRegistry } from "../../src/registry/wait-for-registry.ts";
import { openServer } from "../../src/serve/open-server.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { AMD64, ARM64, artifact, image, index, layer } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import {
  type ProcessResult,
  type RunningProcess,
  runProcess,
  startProcess,
} from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";
import { freePort } from "./support/nginx.ts";

const BASE = layer({ "etc/base.txt": "shared\n" });
const plain = (name: string) => image({ name, layers: [BASE, layer({ [name]: name })] });
const MANY = index([
  image({ name: "x", platform: AMD64, layers: [layer({ x: "amd64" })] }),
  image({ name: "y", platform: ARM64, layers: [layer({ y: "arm64" })] }),
]);
const HUB = plain("hub");
const SIGNATURE = artifact({
  artifactType: "application/vnd.example.signature",
  subject: HUB.manifest.descriptor,
});

/** The same repository in two registries, one with a port, an index, and tags that differ in case only. */
const IMAGES = {
  "docker.io/library/a:1": HUB,
  "docker.io/library/a:signature": SIGNATURE,
  "quay.io/library/a:1": plain("quay"),
  "quay.io/acme/many:v1": MANY,
  "quay.io/acme/case:1.0-RC": plain("upper"),
  "quay.io/acme/case:1.0-rc": plain("lower"),
  "reg.example:5000/acme/web:v1": plain("port"),
};
const RUNNABLE = Object.entries(IMAGES).filter(([name]) => !name.endsWith("signature"));
const digestOf = ({ manifest }: (typeof IMAGES)[keyof typeof IMAGES]) => manifest.descriptor.digest;

let directory: TempDirectory;
let tree: string;
let server: RunningProcess;
let host: string;

const at = (path: string, init?: RequestInit) => fetch(`http://${host}${path}`, init);

/** Takes the configuration of the tree as it is written, but for the port. */
interface FileServer {
  start(address: string): Promise<RunningProcess>;
  /** What it says of the configuration as it is. */
  check(): Promise<ProcessResult>;
}

const SERVERS: Readonly<Record<"nginx" | "caddy", FileServer>> = {
  nginx: {
    start: startNginx,
    check: () =>
      runProcess(findTool("nginx") ?? "nginx", [
        ...["-t", "-p", tree, "-c", "nginx.conf", "-e", "stderr"],
      ]),
  },
  caddy: {
    start: startCaddy,
    check: () => runProcess(findTool("caddy") ?? "caddy", ["validate", ...CADDYFILE], caddyPlace()),
  },
};

const CADDYFILE = ["--config", "Caddyfile", "--adapter", "caddyfile"] as const;

for (const program of ["nginx", "caddy"] as const) {
  requireTool(program).describe(`mirror export static, served by ${program}`, () => {
    beforeAll(async () => {
      directory = await openTempDirectory();
      const bundle = directory.resolve("bundle");
      await writeBundle(bundle, IMAGES);
      tree = directory.resolve("tree");
      expectDone(await runMirror(["export", "static", bundle, "--out", tree]));
      host = `127.0.0.1:${await freePort()}`;
      server = await SERVERS[program].start(host);
    });

    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await directory?.[Symbol.asyncDispose]();
    });

    test("it accepts the configuration as it is written", async () => {
      const { stderr } = expectDone(await SERVERS[program].check());
      // That is what the configuration says
      const text = stderr.replaceAll(/^.*automatic HTTPS is completely disabled.*$/gm, "");
      expect(text).not.toMatch(/\bwarn|emerg/i);
    });

    test("manifests have type and digest by tag and by digest, for GET and HEAD alike", async () => {
      for (const [name, built] of Object.entries(IMAGES)) {
        const [path, tag] = splitName(name);
        for (const reference of [tag, digestOf(built)]) {
          const head = await at(`/v2/${path}/manifests/${reference}`, { method: "HEAD" });
          const got = await at(`/v2/${path}/manifests/${reference}`);
          const { mediaType, digest, size } = built.manifest.descriptor;
          for (const answer of [head, got]) {
            expect(answer.status).toBe(200);
            expect(answer.headers.get("content-type")).toBe(mediaType);
            expect(answer.headers.get("docker-content-digest")).toBe(digest);
            expect(answer.headers.get("content-length")).toBe(String(size));
          }
          expect(Buffer.from(await got.arrayBuffer())).toEqual(built.manifest.bytes);
        }
      }
    });

    test("ns chooses the registry, and none that is not there", async () => {
      const digest = async (query: string, path = "library/a") => {
        const { status, headers } = await at(`/v2/${path}/manifests/1${query}`);
        return [status, headers.get("docker-content-digest")];
      };
      const [hub, quay] = [HUB, IMAGES["quay.io/library/a:1"]].map(digestOf);
      expect(await digest("?ns=docker.io")).toEqual([200, hub]);
      expect(await digest("?ns=quay.io")).toEqual([200, quay]);
      expect(await digest("?ns=quay.io", "quay.io/library/a")).toEqual([200, quay]);
      expect(await digest("")).toEqual([200, hub]);
      expect(await digest("?ns=ghcr.io")).toEqual([404, null]);
      expect(await digest("?ns=quay.io", "docker.io/library/a")).toEqual([404, null]);
      const web = await at("/v2/acme/web/manifests/v1?ns=reg.example%3A5000");
      expect(web.headers.get("docker-content-digest")).toBe(
        digestOf(IMAGES["reg.example:5000/acme/web:v1"]),
      );
    });

    test("blobs have ranges, lists of tags and referrers are there, and what is missing says so", async () => {
      const { descriptor } = BASE;
      const blob = `/v2/docker.io/library/a/blobs/${descriptor.digest}`;
      const part = await at(blob, { headers: { range: "bytes=3-9" } });
      expect(part.status).toBe(206);
      expect(part.headers.get("content-range")).toBe(`bytes 3-9/${descriptor.size}`);
      expect(part.headers.get("content-type")).toBe("application/octet-stream");
      const beyond = await at(blob, { headers: { range: "bytes=999999999-" } });
      expect(beyond.status).toBe(416);

      const tags = await at("/v2/docker.io/library/a/tags/list");
      expect(tags.headers.get("content-type")).toBe("application/json");
      expect(await tags.json()).toEqual({ name: "docker.io/library/a", tags: ["1", "signature"] });

      const referrers = await at(`/v2/library/a/referrers/${digestOf(HUB)}?ns=docker.io`);
      expect(referrers.headers.get("content-type")).toMatch(/image\.index/);
      expect(await referrers.json()).toMatchObject({
        manifests: [
          { digest: digestOf(SIGNATURE), artifactType: "application/vnd.example.signature" },
        ],
      });
      const none = await at(`/v2/quay.io/library/a/referrers/${digestOf(HUB)}`);
      expect([none.status, await none.json()]).toMatchObject([200, { manifests: [] }]);

      const missing = await at("/v2/docker.io/library/a/manifests/2");
      expect(missing.status).toBe(404);
      expect(await missing.json()).toMatchObject({ errors: [{ code: "MANIFEST_UNKNOWN" }] });
      const writing = await at("/v2/docker.io/library/a/blobs/uploads/", { method: "POST" });
      expect(writing.status).toBe(405);
      expect(await writing.json()).toMatchObject({ errors: [{ code: "UNSUPPORTED" }] });
      expect((await at("/nginx.conf")).status).toBe(404);
      expect(
        (await at("/v2/docker.io/library/a/blobs/..%2f..%2f..%2f..%2f..%2fnginx.conf")).status,
      ).toBe(404);
      expect(await (await at("/v2/")).json()).toEqual({});
    });

    requireTool("skopeo").test(
      "skopeo copies every image with all platforms, and the digests stay",
      async () => {
        for (const [name, built] of RUNNABLE) {
          const [path, tag] = splitName(name);
          const target = `oci:${directory.resolve("copied")}:${tag}`;
          const source = `docker://${host}/${path}:${tag}`;
          const flags = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false"];
          expectDone(await runProcess("skopeo", [...flags, source, target]));
          const { stdout } = await runProcess("skopeo", ["inspect", "--raw", target]);
          expect(stdout).toBe(built.manifest.bytes.toString());
        }
      },
    );

    requireDaemon("containerd", "ctr").test(
      "containerd pulls through ns and through the path",
      async () => {
        for (const form of ["ns", "path"]) {
          await using containerd = await startContainerd();
          const hosts = directory.resolve(`hosts-${form}`);
          const names = RUNNABLE.map(([name]) => name.split("/")[0]).join(",");
          const words = [
            "client-config",
            "containerd",
            "--mirror",
            `http://${host}`,
            "--form",
            form,
          ];
          expectDone(
            await runMirror([...words, "--namespaces", names, "--no-fallback", "--out", hosts]),
          );
          for (const [name, built] of RUNNABLE) {
            const flags = ["images", "pull", "--all-platforms", "--hosts-dir", hosts];
            expectDone(await containerd.run(...flags, name));
            const { stdout } = await containerd.run("images", "ls", `name==${name}`);
            expect(stdout).toContain(digestOf(built));
          }
        }
      },
    );

    requireDaemon("containerd", "dockerd", "docker").test(
      "Docker pulls as from its mirror and by name",
      async () => {
        await using containerd = await startContainerd();
        await using docker = await startDockerd(containerd.socket, [
          "--registry-mirror",
          `http://${host}`,
        ]);
        expectDone(await docker.run("pull", "a:1"));
        expectDone(await docker.run("pull", `${host}/quay.io/acme/many:v1`));
        const { stdout } = await docker.run("images", "--digests");
        expect(stdout).toContain(digestOf(HUB));
        expect(stdout).toContain(digestOf(MANY));
      },
    );

    requireTool("podman").test("podman pulls by the path", async () => {
      await using podman = await openPodman();
      expectDone(await podman.run("pull", "--tls-verify=false", `${host}/docker.io/library/a:1`));
      const { stdout } = await podman.run("images", "--digests");
      expect(stdout).toContain(digestOf(HUB));
    });

    requireTool("skopeo").test(
      "serve gives skopeo the same tree, every image with its digest, and its tags",
      async () => {
        await using served = await openServer({ bundlePaths: [], trees: [tree], port: 0 });
        const own = served.url.slice("http://".length);
        for (const [name, built] of RUNNABLE) {
          const [path, tag] = splitName(name);
          const copied = directory.resolve(`serve-${digestOf(built).slice(7, 15)}`);
          const flags = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false"];
          const source = `docker://${own}/${path}:${tag}`;
          expectDone(await runProcess("skopeo", [...flags, source, `oci:${copied}`]));
          const layout = JSON.parse(await readFile(`${copied}/index.json`, "utf8"));
          expect(layout.manifests[0].digest).toBe(digestOf(built));
        }
        const list = ["list-tags", "--tls-verify=false", `docker://${own}/docker.io/library/a`];
        const { stdout } = expectDone(await runProcess("skopeo", list));
        expect(JSON.parse(stdout)).toMatchObject({ Tags: ["1", "signature"] });
      },
    );
  });
}

async function startNginx(address: string): Promise<RunningProcess> {
  const path = `${tree}/nginx-registry.conf`;
  const own = directory.resolve("nginx");
  await mkdir(own);
  const text = await readFile(path, "utf8");
  expect(text).toContain("listen 5000;");
  await writeFile(`${own}/nginx-registry.conf`, text.replace("listen 5000;", `listen ${address};`));
  await copyFile(`${tree}/nginx.conf`, `${own}/nginx.conf`);
  const flags = [
    "-e",
    "stderr",
    "-p",
    tree,
    "-c",
    `${own}/nginx.conf`,
    "-g",
    "master_process off;",
  ];
  const running = await startProcess(findTool("nginx") ?? "nginx", flags);
  await waitForRegistry({ url: `http://${address}` });
  return running;
}

async function startCaddy(address: string): Promise<RunningProcess> {
  const text = await readFile(`${tree}/Caddyfile`, "utf8");
  expect(text).toContain("\n:5000 {");
  const path = directory.resolve("Caddyfile");
  await writeFile(path, text.replace("\n:5000 {", `\nhttp://${address} {`));
  const flags = ["run", "--config", path, "--adapter", "caddyfile"];
  const running = await startProcess(findTool("caddy") ?? "caddy", flags, caddyPlace());
  await waitForRegistry({ url: `http://${address}` });
  return running;
}

/** It keeps what it ran last in the home of its user. */
function caddyPlace() {
  return {
    cwd: tree,
    env: { ...process.env, HOME: directory.path, XDG_CONFIG_HOME: directory.path },
  };
}

function splitName(name: string): [string, string] {
  const colon = name.lastIndexOf(":");
  const [registry = "", ...rest] = name.slice(0, colon).split("/");
  return [[registry.replace(":", "-"), ...rest].join("/"), name.slice(colon + 1)];
}

function expectDone(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

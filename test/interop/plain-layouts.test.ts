import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, image, index, layer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon, requireTool } from "../support/tool.ts";
import { openPodman, startContainerd, startDockerd } from "./support/container-daemons.ts";

const BASE = layer({ "etc/base.txt": "shared by all\n" });
const WEB = image({ name: "web", layers: [BASE, layer({ "web.txt": "1\n" })] });
const OTHER = image({ name: "other", layers: [BASE, layer({ "other.txt": "2\n" })] });
const MANY = index([
  image({ name: "arm64", platform: ARM64 }),
  image({ name: "amd64", platform: AMD64 }),
]);

let directory: TempDirectory;
let source: EmbeddedRegistry;
let target: DockerRegistry;
let repositories = 0;

const digestOf = ({ manifest }: typeof WEB) => manifest.descriptor.digest;
const configOf = ({ blobs }: typeof WEB) => blobs[0]?.descriptor.digest;
const from = (name: string) => `docker://${source.host}/acme/${name}`;

function expectDone(result: ProcessResult): ProcessResult {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const { stdout } = expectDone(await runProcess("skopeo", args));
  return stdout;
}

/** Copies out of the source registry; everything as it is. */
async function copy(name: string, to: string): Promise<void> {
  await skopeo("copy", "--all", "--src-tls-verify=false", from(name), to);
}

/** Whatever a tool wrote: complete for verify, readable for inspect, and pushed to a repository of its own. */
async function deliver(path: string, ...flags: readonly string[]): Promise<string> {
  expectDone(await runMirror(["verify", path]));
  expectDone(await runMirror(["inspect", path]));
  const place = `${target.host}/acme/${++repositories}`;
  const receipt = directory.resolve("receipt.json");
  expectDone(await runMirror(["push", path, place, "--insecure", "--receipt", receipt, ...flags]));
  return place;
}

async function digestAt(reference: string): Promise<string> {
  const format = ["--format", "{{.Digest}}"];
  const url = `docker://${reference}`;
  return (await skopeo("inspect", "--tls-verify=false", "--no-tags", ...format, url)).trim();
}

/** The digest of a config is the id of its image. */
async function configAt(reference: string): Promise<string> {
  const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${reference}`);
  return (JSON.parse(raw) as { readonly config: { readonly digest: string } }).config.digest;
}

/** Whether a client gets it whole: it compares every layer with its digest and with the config. */
async function expectUsable(reference: string): Promise<void> {
  const to = `docker-archive:${directory.resolve(`read-${++repositories}.tar`)}:test/read:1`;
  await skopeo("copy", "--src-tls-verify=false", `docker://${reference}`, to);
}

requireTool("docker-registry", "skopeo").describe("mirror push, of what other tools write", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await openEmbeddedRegistry();
    target = await startDockerRegistry();
    seed(source, "acme/web", { v1: WEB });
    seed(source, "acme/other", { v1: OTHER });
    seed(source, "acme/many", { v1: MANY });
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await source?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  test("skopeo copy oci:DIR:TAG, one image after the other into one directory", async () => {
    const layout = directory.resolve("skopeo-layout");
    await copy("web:v1", `oci:${layout}:1.0`);
    await copy("many:v1", `oci:${layout}:2.0`);
    const place = await deliver(layout);
    expect(await digestAt(`${place}:1.0`)).toBe(digestOf(WEB));
    const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${place}:2.0`);
    expect(raw).toBe(MANY.manifest.bytes.toString());
  });

  test.each([
    ["skopeo.tar", ":1.0", []],
    ["skopeo.oci", "", ["--tag", "1.0"]],
    ["skopeo-archive", ":1.0", []],
  ])("skopeo copy oci-archive:%s%s", async (file, suffix, flags) => {
    const path = directory.resolve(file);
    await copy("web:v1", `oci-archive:${path}${suffix}`);
    const place = await deliver(path, ...flags);
    expect(await digestAt(`${place}:1.0`)).toBe(digestOf(WEB));
  });

  test("skopeo copy docker-archive:FILE:NAME", async () => {
    const path = directory.resolve("docker-archive.tar");
    await copy("web:v1", `docker-archive:${path}:registry.test/acme/web:1.0`);
    const place = `${await deliver(path)}/registry.test/acme/web:1.0`;
    expect(await configAt(place)).toMatch(/^sha256:/);
    await expectUsable(place);
  });

  test("skopeo copy docker-archive:FILE without a name", async () => {
    const path = directory.resolve("nameless.tar");
    await copy("web:v1", `docker-archive:${path}`);
    const place = `${await deliver(path, "--tag", "1.0")}:1.0`;
    await expectUsable(place);
  });

  requireTool("umoci").test("umoci, which adds a tag to a layout", async () => {
    const layout = directory.resolve("umoci-layout");
    await copy("web:v1", `oci:${layout}:1.0`);
    expectDone(await runProcess("umoci", ["tag", "--image", `${layout}:1.0`, "stable"]));
    const place = await deliver(layout);
    for (const tag of ["1.0", "stable"]) {
      expect(await digestAt(`${place}:${tag}`)).toBe(digestOf(WEB));
    }
  });

  requireTool("buildah").test("buildah push oci:DIR:TAG", async () => {
    const layout = directory.resolve("buildah-layout");
    const store = ["--root", directory.resolve("b-root"), "--runroot", directory.resolve("b-run")];
    const env = { ...process.env, HOME: directory.path };
    const buildah = async (...args: readonly string[]) =>
      expectDone(
        await runProcess("buildah", [...store, "--storage-driver", "vfs", ...args], { env }),
      );
    const name = `${source.host}/acme/web:v1`;
    await buildah("pull", "--tls-verify=false", "--signature-policy", await policy(), name);
    await buildah("push", "--signature-policy", await policy(), name, `oci:${layout}:1.0`);
    const place = await deliver(layout);
    expect(await configAt(`${place}:1.0`)).toBe(configOf(WEB));
    await expectUsable(`${place}:1.0`);
  });

  requireTool("podman").test.each([
    ["docker-archive", "registry.test/acme/web:1.0"],
    ["oci-archive", "registry.test/acme/web:1.0"],
  ])("podman save --format %s", async (format, name) => {
    await using podman = await openPodman();
    const loaded = directory.resolve(`p-${format}.tar`);
    const saved = directory.resolve(`p-saved-${format}.tar`);
    await copy("web:v1", `docker-archive:${loaded}:${name}`);
    expectDone(await podman.run("load", "--input", loaded));
    expectDone(await podman.run("save", "--format", format, "--output", saved, name));
    const place = `${await deliver(saved)}/${name}`;
    await expectUsable(place);
  });

  requireDaemon("containerd", "dockerd", "docker").test(
    "docker save, of several images and of one by its id",
    async () => {
      await using containerd = await startContainerd();
      await using docker = await startDockerd(containerd.socket);
      const names = ["web", "other"].map((name) => `registry.test/acme/${name}:1.0`);
      for (const [position, name] of names.entries()) {
        const loaded = directory.resolve(`d-${position}.tar`);
        await copy(`${position === 0 ? "web" : "other"}:v1`, `docker-archive:${loaded}:${name}`);
        expectDone(await docker.run("load", "--input", loaded));
      }
      const idOf = async (name: string) => {
        const result = await docker.run("image", "inspect", "--format", "{{.Id}}", name);
        return expectDone(result).stdout.trim();
      };
      const saved = directory.resolve("d-saved.tar");
      expectDone(await docker.run("save", "--output", saved, ...names));
      const place = await deliver(saved);
      for (const name of names) {
        expect(await configAt(`${place}/${name}`)).toBe(await idOf(name));
        await expectUsable(`${place}/${name}`);
      }
      const byId = directory.resolve("d-id.tar");
      const id = await idOf(names[0] ?? "");
      expectDone(await docker.run("save", "--output", byId, id));
      const one = `${await deliver(byId, "--tag", "1.0")}:1.0`;
      expect(await configAt(one)).toBe(id);
    },
  );
});

/** buildah runs as it does for a user whose machine has no policy of its own. */
async function policy(): Promise<string> {
  const path = directory.resolve("policy.json");
  await writeFile(path, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  return path;
}

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { writeBundle } from "../serve/support/bundles.ts";
import { image } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type ProcessResult, runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon } from "../support/tool.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const BUILT = image({ name: "a" });

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory("mirror-image-");
  await writeBundle(directory.resolve("bundle"), { "docker.io/library/a:1": BUILT });
});

afterAll(() => directory?.[Symbol.asyncDispose]());

const build = requireDaemon("buildah", "unshare", "mount", "chroot", "ldd");

build.test(
  "the image is built from local files, and serves a bundle read-only and without being root",
  async () => {
    const buildah = (...args: readonly string[]) =>
      succeed("buildah", [
        ...["--root", directory.resolve("root"), "--runroot", directory.resolve("run")],
        ...["--storage-driver", "vfs", ...args],
      ]);
    await buildah("bud", "-q", "-t", "localhost/base", await writeBase());
    const base = ["--build-arg", "BASE=localhost/base"];
    await buildah("bud", "-q", "--format", "docker", ...base, "-t", "mirror", await writeContext());
    const { OCIv1, Docker } = JSON.parse(await buildah("inspect", "--type", "image", "mirror"));
    const { Cmd, Entrypoint, Labels, User } = OCIv1.config;
    expect({ Cmd, User }).toEqual({ Cmd: ["--help"], User: "1000:1000" });
    expect(Docker.config.Healthcheck.Test[0]).toBe("CMD");
    expect(Labels["org.opencontainers.image.licenses"]).toBe("Apache-2.0");

    const container = (await buildah("from", "mirror")).trim();
    const mounted = (await buildah("mount", container)).trim();
    const script = [
      "set -e",
      `mkdir ${mounted}/bundles`,
      `mount --bind ${mounted} ${mounted}`,
      `mount --bind ${directory.resolve("bundle")} ${mounted}/bundles`,
      `mount -o remount,bind,ro ${mounted}/bundles`,
      `mount -o remount,bind,ro ${mounted}`,
      `exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin chroot --userspec=${User} ${mounted} ${Entrypoint.join(" ")} serve /bundles --listen 127.0.0.1:0`,
    ];
    await using server = await startProcess("unshare", ["--mount", "sh", "-c", script.join("\n")]);
    const [, url] = await server.waitFor(/"url":"([^"]+)"/);
    const pulled = await fetch(`${url}/v2/docker.io/library/a/manifests/1`);
    expect(pulled.headers.get("docker-content-digest")).toBe(BUILT.manifest.descriptor.digest);
  },
);

test("the image is what the files for Compose and Kubernetes run", async () => {
  const text = await readFile(`${ROOT}Dockerfile`, "utf8");
  expect(text).not.toMatch(/^RUN/m);
  expect(text).toMatch(/^COPY --chown=1000:1000 \S+ \/cache$/m);
  expect(text).toMatch(/^USER 1000:1000$/m);
  const flags = ["--bundle", directory.resolve("bundle"), "--upstream", "quay.io"];
  const planned = async (runtime: string) => {
    const args = ["client-config", runtime, "--mirror", "http://127.0.0.1:5000", ...flags];
    const { exitCode, stderr, stdout } = await runMirror([...args, "--json"]);
    expect(exitCode, stderr).toBe(0);
    return String(JSON.parse(stdout).files[0].text);
  };
  const { services } = parse(await planned("compose"));
  expect(services.mirror.command.slice(0, 2)).toEqual(["serve", "/bundles/0"]);
  expect(services.mirror.volumes.at(-1)).toMatchObject({ target: "/cache" });
  const kubernetes = await planned("kubernetes");
  expect(kubernetes).toContain("runAsUser: 1000");
  expect(kubernetes).toContain("mountPath: /cache");
});

/** The Node.js of this machine with what it is linked to, as the base image. */
async function writeBase(): Promise<string> {
  const base = directory.resolve("base");
  const linked = await succeed("ldd", [process.execPath]);
  for (const path of [process.execPath, ...(linked.match(/\/\S+/g) ?? [])]) {
    await mkdir(`${base}${dirname(path)}`, { recursive: true });
    await cp(path, `${base}${path}`, { dereference: true });
  }
  await mkdir(`${base}/usr/local/bin`, { recursive: true });
  await cp(process.execPath, `${base}/usr/local/bin/node`, { dereference: true });
  await writeFile(`${base}/Dockerfile`, "FROM scratch\nCOPY . /\n");
  return base;
}

/** What is sent to a build: the packed program, and what `.dockerignore` lets through besides. */
async function writeContext(): Promise<string> {
  const context = directory.resolve("context");
  await mkdir(context);
  for (const name of ["Dockerfile", ".dockerignore", ".ci/image"]) {
    await cp(`${ROOT}${name}`, `${context}/${name}`, { recursive: true });
  }
  await succeed("npm", ["pack", "--ignore-scripts", "--pack-destination", context], ROOT);
  return context;
}

async function succeed(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const result: ProcessResult = await runProcess(command, args, cwd === undefined ? {} : { cwd });
  if (result.exitCode !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

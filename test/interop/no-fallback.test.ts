import { afterAll, beforeAll, expect } from "vitest";
import { runMirror } from "../support/cli.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireDaemon } from "../support/tool.ts";
import { openPodman, startContainerd } from "./support/container-daemons.ts";
import { freePort } from "./support/nginx.ts";

const IMAGE = "docker.io/library/a:1";

/** Names that would be looked up, and what is said where they cannot be. */
const ELSEWHERE = /registry-1\.docker\.io|index\.docker\.io|auth\.docker\.io|lookup|no such host/;

let directory: TempDirectory;
let gone: string;

beforeAll(async () => {
  directory = await openTempDirectory();
  gone = `127.0.0.1:${await freePort()}`;
});

afterAll(() => directory?.[Symbol.asyncDispose]());

/** Runs a client where there is no network at all: whatever it tries to reach, it says. */
function runAlone(tool: string, args: readonly string[], env?: Readonly<Record<string, string>>) {
  const path = findTool(tool) ?? tool;
  return runProcess("unshare", ["--net", path, ...args], { env: { ...process.env, ...env } });
}

async function configure(runtime: string, ...flags: readonly string[]): Promise<string> {
  const tree = directory.resolve(`${runtime}${flags.length}`);
  const words = ["client-config", runtime, "--mirror", `http://${gone}`, "--out", tree];
  const result = await runMirror([...words, "--namespaces", "docker.io", ...flags]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return tree;
}

requireDaemon("containerd", "ctr").test(
  "C2: containerd without a network names the mirror alone, and the registry only where it may be asked",
  async () => {
    await using containerd = await startContainerd();
    const pull = async (tree: string) => {
      const args = ["--address", containerd.socket, "images", "pull", "--hosts-dir", tree, IMAGE];
      return await runAlone("ctr", args);
    };
    const alone = await pull(await configure("containerd", "--no-fallback"));
    expect(alone.exitCode).not.toBe(0);
    expect(alone.stderr).toContain(gone);
    expect(alone.stderr).not.toMatch(ELSEWHERE);
    // The same with what must not be there: the test would see it
    const open = await pull(await configure("containerd"));
    expect(open.stderr).toMatch(ELSEWHERE);
  },
);

requireDaemon("podman").test(
  "C3: podman without a network names the mirror alone, and the registry only where it may be asked",
  async () => {
    const pull = async (tree: string) => {
      const drop = `${tree}/registries.conf.d/50-mirror.conf`;
      await using podman = await openPodman({ CONTAINERS_REGISTRIES_CONF: drop });
      const env = { ...podman.env, CONTAINERS_REGISTRIES_CONF: drop };
      return await runAlone("podman", ["pull", "--quiet", IMAGE], env);
    };
    const alone = await pull(await configure("podman", "--no-fallback"));
    expect(alone.exitCode).not.toBe(0);
    expect(alone.stderr).toContain(gone);
    expect(alone.stderr).not.toMatch(ELSEWHERE);
    const open = await pull(await configure("podman"));
    expect(open.stderr).toMatch(ELSEWHERE);
  },
);

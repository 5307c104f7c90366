import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type PlanClientConfigOptions,
  planClientConfig,
} from "../../src/clients/plan-client-config.ts";
import { applyInstall, applyRemoval } from "../../src/install/apply-install.ts";
import { readInstalledNamespaces } from "../../src/install/installed-namespaces.ts";
import { planInstall, planRemoval } from "../../src/install/plan-install.ts";
import { renderDiff } from "../../src/install/render-diff.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const MIRROR = "http://mirror.lan:5000";

describe("C5: taking back restores the tree byte for byte", () => {
  test("with files of others in every place that is written", async () => {
    await using directory = await openTempDirectory();
    const files = {
      "docker.io/hosts.toml": 'server = "https://mine"\n# my own\n[host."https://mine"]\n',
      "docker.io/client.pem": "key\n",
      "quay.io/hosts.toml": 'server = "https://quay.io"\n',
    };
    await writeFiles(directory.path, files);
    await chmod(join(directory.path, "docker.io/hosts.toml"), 0o640);
    const before = await readTree(directory.path);
    await install("containerd", directory.path);
    expect(await readTree(directory.path)).not.toEqual(before);
    await remove("containerd", directory.path);
    expect(await readTree(directory.path)).toEqual(before);
  });

  test("after several runs with other registries each", async () => {
    await using directory = await openTempDirectory();
    const files = { "daemon.json": '{"log-level":"debug","registry-mirrors":["https://other"]}' };
    await writeFiles(directory.path, files);
    const before = await readTree(directory.path);
    await install("docker", directory.path);
    await install("docker", directory.path, { mirror: "http://second:5000" });
    await install("docker", directory.path, { namespaces: ["quay.io"] });
    await remove("docker", directory.path);
    expect(await readTree(directory.path)).toEqual(before);
  });

  test("where nothing was, down to the directories", async () => {
    await using directory = await openTempDirectory();
    await install("podman", directory.path);
    await remove("podman", directory.path);
    expect(await readdir(directory.path)).toEqual([]);
  });
});

describe("installing", () => {
  test("makes directories that other users can enter, under any umask", async () => {
    await using directory = await openTempDirectory();
    const etc = directory.resolve("etc/containers");
    const mask = process.umask(0o077);
    try {
      await install("podman", etc);
    } finally {
      process.umask(mask);
    }
    for (const path of [directory.resolve("etc"), etc, join(etc, "registries.conf.d")]) {
      expect((await stat(path)).mode & 0o777, path).toBe(0o755);
    }
    await remove("podman", etc);
    expect(await readdir(etc)).toEqual([]);
  });

  test("adds to lists of others and keeps their keys", async () => {
    await using directory = await openTempDirectory();
    const theirs = { "log-level": "debug", "registry-mirrors": ["https://other"] };
    await writeFiles(directory.path, { "daemon.json": JSON.stringify(theirs) });
    await install("docker", directory.path);
    expect(JSON.parse(await read(directory.path, "daemon.json"))).toEqual({
      "log-level": "debug",
      "registry-mirrors": [MIRROR, "https://other"],
      "insecure-registries": ["mirror.lan:5000"],
    });
  });

  test("keeps entries of k3s that are empty, which mean something there", async () => {
    await using directory = await openTempDirectory();
    await writeFiles(directory.path, { "registries.yaml": "mirrors:\n  quay.io: {}\n" });
    await install("k3s", directory.path);
    expect(await read(directory.path, "registries.yaml")).toContain("quay.io: {}");
  });

  test("keeps other mirrors of a registry behind ours, and none where none may be asked", async () => {
    await using directory = await openTempDirectory();
    const theirs = 'server = "https://s"\n[host."https://other"]\ncapabilities = ["pull"]\n';
    await writeFiles(directory.path, { "docker.io/hosts.toml": theirs });
    await install("containerd", directory.path);
    expect(hostsOf(await read(directory.path, "docker.io/hosts.toml"))).toEqual([
      MIRROR,
      "https://other",
    ]);
    await install("containerd", directory.path, { fallback: false });
    expect(hostsOf(await read(directory.path, "docker.io/hosts.toml"))).toEqual([MIRROR]);
  });

  test("changes nothing the second time", async () => {
    await using directory = await openTempDirectory();
    await install("k3s", directory.path);
    const before = await readTree(directory.path);
    const { changes } = await planInstall(await configOf("k3s"), directory.path);
    expect(changes.map(({ kind }) => kind)).toEqual(["same"]);
    await install("k3s", directory.path);
    expect(await readTree(directory.path)).toEqual(before);
  });

  test("takes the entries of registries back that are wanted no longer", async () => {
    await using directory = await openTempDirectory();
    await install("containerd", directory.path, { namespaces: ["docker.io", "quay.io"] });
    await install("containerd", directory.path, { namespaces: ["quay.io"] });
    expect(await readInstalledNamespaces(directory.path)).toEqual(["quay.io"]);
  });

  test("refuses a file that cannot be read, without quoting it", async () => {
    await using directory = await openTempDirectory();
    await writeFiles(directory.path, { "daemon.json": '{"password":"s3cret' });
    const refused = install("docker", directory.path);
    await expect(refused).rejects.toMatchObject({ code: "CLIENT_CONFIG_CONFLICT" });
    await expect(refused).rejects.not.toThrow(/s3cret/);
    expect(await read(directory.path, "daemon.json")).toBe('{"password":"s3cret');
  });

  test("gives files with a password to their owner only", async () => {
    await using directory = await openTempDirectory();
    const credential = { username: "u", password: "p" };
    await install("containerd", directory.path, { credential, includeSecrets: true });
    const { mode } = await stat(join(directory.path, "docker.io/hosts.toml"));
    expect(mode & 0o777).toBe(0o600);
  });
});

describe("what others changed since", () => {
  test("stays when a file that both write is taken back", async () => {
    await using directory = await openTempDirectory();
    await writeFiles(directory.path, { "daemon.json": '{"log-level":"info"}' });
    await install("docker", directory.path);
    const value = JSON.parse(await read(directory.path, "daemon.json"));
    value["log-level"] = "debug";
    value["registry-mirrors"].push("https://later");
    await writeFiles(directory.path, { "daemon.json": JSON.stringify(value) });
    await remove("docker", directory.path);
    expect(JSON.parse(await read(directory.path, "daemon.json"))).toEqual({
      "log-level": "debug",
      "registry-mirrors": ["https://later"],
    });
  });

  test("stays through a second run and is what is restored", async () => {
    await using directory = await openTempDirectory();
    await install("docker", directory.path);
    const value = { ...JSON.parse(await read(directory.path, "daemon.json")), debug: true };
    await writeFiles(directory.path, { "daemon.json": JSON.stringify(value) });
    await install("docker", directory.path, { mirror: "http://second:5000" });
    expect(JSON.parse(await read(directory.path, "daemon.json"))).toEqual({
      debug: true,
      "registry-mirrors": ["http://second:5000"],
      "insecure-registries": ["second:5000"],
    });
    await remove("docker", directory.path);
    expect(JSON.parse(await read(directory.path, "daemon.json"))).toEqual({ debug: true });
  });

  test("is not overwritten in a file that is ours alone", async () => {
    await using directory = await openTempDirectory();
    await install("podman", directory.path);
    const path = "registries.conf.d/50-mirror.conf";
    await writeFiles(directory.path, { [path]: "# mine now\n" });
    await expect(remove("podman", directory.path)).rejects.toThrow(/changed since/);
    expect(await read(directory.path, path)).toBe("# mine now\n");
  });
});

describe("an installation that was cut off", () => {
  test("behind its record is finished by the next run, and can be taken back", async () => {
    await using directory = await openTempDirectory();
    await writeFiles(directory.path, { "daemon.json": '{"a":1}' });
    const before = await readTree(directory.path);
    const plan = await planInstall(await configOf("docker"), directory.path);
    // Its second file cannot be made: a file stands where its directory goes
    await writeFiles(directory.path, { "certs.d": "in the way" });
    await expect(applyInstall(plan)).rejects.toMatchObject({ code: "STORAGE_FAILED" });

    await rm(join(directory.path, "certs.d"));
    await remove("docker", directory.path);
    expect(await readTree(directory.path)).toEqual(before);
  });
});

describe("renderDiff()", () => {
  test("shows lines, but not of files that may hold passwords", async () => {
    await using directory = await openTempDirectory();
    const shown = await planInstall(await configOf("podman"), directory.path);
    expect(await renderDiff(shown.changes)).toContain('+location = "docker.io"');
    const credential = { username: "u", password: "p4ss" };
    const secret = await configOf("k3s", { credential, includeSecrets: true });
    const { changes } = await planInstall(secret, directory.path);
    expect(await renderDiff(changes)).toBe("registries.yaml: comes (not shown)\n");
  });
});

function configOf(runtime: string, request: Partial<PlanClientConfigOptions> = {}) {
  return planClientConfig({ runtime, mirror: MIRROR, namespaces: ["docker.io"], ...request });
}

async function install(
  runtime: string,
  directory: string,
  request: Partial<PlanClientConfigOptions> = {},
): Promise<void> {
  await applyInstall(await planInstall(await configOf(runtime, request), directory));
}

async function remove(runtime: string, directory: string): Promise<void> {
  const plan = await planRemoval(runtime, directory);
  if (plan === undefined) throw new Error("nothing is installed");
  await applyRemoval(plan);
}

function hostsOf(text: string): string[] {
  return [...text.matchAll(/^\[host\."(.*)"\]$/gm)].map(([, url]) => url ?? "");
}

function read(directory: string, path: string): Promise<string> {
  return readFile(join(directory, path), "utf8");
}

async function writeFiles(directory: string, files: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** Every file with its bytes and its mode. */
async function readTree(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true });
  const entries = await Promise.all(
    names.sort().map(async (name) => {
      const path = join(directory, name);
      const found = await stat(path);
      const text = found.isFile() ? await readFile(path, "utf8") : "";
      return [name, `${(found.mode & 0o777).toString(8)} ${text}`] as const;
    }),
  );
  return Object.fromEntries(entries);
}

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { AMD64, ARM64, image, index, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { startFaultRegistry } from "../support/registry.ts";
import type { RunningProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireDaemon } from "../support/tool.ts";
import { startContainerd } from "./support/container-daemons.ts";

const MANY = index([
  image({ name: "amd64", platform: AMD64 }),
  image({ name: "arm64", platform: ARM64 }),
]);

requireDaemon("containerd", "ctr").test(
  "P10: what containerd pulls is a list, whose bundle serves the same pull without the registry",
  async () => {
    await using directory = await openTempDirectory();
    const list = directory.resolve("list.txt");
    const bundle = directory.resolve("bundle");
    const registry = await startFaultRegistry();
    seed(registry, "acme/many", { v1: MANY, unused: image({ name: "unused" }) });
    const name = `${registry.host}/acme/many:v1`;
    const { digest } = MANY.manifest.descriptor;
    {
      const upstream = `${registry.host}=http://${registry.host}`;
      const cache = directory.resolve("cache");
      await using server = await startMirror([
        ...["serve", "--listen", ":0", "--upstream", upstream, "--cache", cache, "--record", list],
      ]);
      await pull(server, name, directory);
      expect(await readFile(list, "utf8")).toMatch(
        new RegExp(`^${name}@${digest} {2}# linux/amd64 \\S+Z\n$`),
      );
    }
    const pulled = await runMirror(["pull", bundle, "--images-from", list, "--insecure"]);
    expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    await registry.close();
    await using server = await startMirror(["serve", bundle, "--listen", ":0"]);
    await pull(server, name, directory);
  },
);

/** With a store of its own. */
async function pull(server: RunningProcess, name: string, directory: TempDirectory): Promise<void> {
  const [, port] = await server.waitFor(/"port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const hosts = directory.resolve(`certs-${port}`);
  const [host = ""] = name.split("/");
  const folder = `${hosts}/${host.replace(":", "_")}_`;
  await mkdir(folder, { recursive: true });
  const text = `server = "${url}"\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`;
  await writeFile(`${folder}/hosts.toml`, text);
  await using containerd = await startContainerd();
  const pulled = await containerd.run(
    ...["images", "pull", "--hosts-dir", hosts, "--platform", "linux/amd64", name],
  );
  expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
}

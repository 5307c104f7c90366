import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { planClientConfig } from "../../src/clients/plan-client-config.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const NODES = ["demo-control-plane", "demo-worker"];

/** `docker exec -i NODE sh -c COMMAND` as a node would run it, in a directory of its own. */
const DOCKER = `#!/bin/sh
[ "$1 $2 $4 $5" = "exec -i sh -c" ] || exit 9
exec sh -c "$(printf %s "$6" | sed "s#/etc/containerd#$NODES_ROOT/$3&#g")"
`;
const KIND = `#!/bin/sh
[ "$*" = "get nodes --name demo" ] || exit 9
printf '%s\\n' ${NODES.join(" ")}
`;

requireTool("base64", "sed", "sh").test(
  "the script for running nodes of kind gives each of them every file, as it was planned",
  async () => {
    await using directory = await openTempDirectory();
    const { files } = await planClientConfig({
      runtime: "kind",
      mirror: "http://mirror.lan:5000",
      namespaces: ["docker.io", "reg.example:5000", "registry.k8s.io"],
      options: { cluster: "demo", workers: 1 },
    });
    const script = files.find(({ path }) => path === "inject.sh")?.text ?? "";
    const bin = directory.resolve("bin");
    await mkdir(bin);
    for (const [name, text] of [
      ["docker", DOCKER],
      ["kind", KIND],
    ] as const) {
      await writeFile(join(bin, name), text);
      await chmod(join(bin, name), 0o755);
    }
    const env = { PATH: `${bin}:${process.env["PATH"]}`, NODES_ROOT: directory.path };
    const { exitCode, stderr } = await runProcess("sh", [], { input: script, env });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const planned = files.filter(({ path }) => path.endsWith("hosts.toml"));
    expect(planned).toHaveLength(3);
    for (const node of NODES) {
      const tree = directory.resolve(node, "etc/containerd/certs.d");
      expect((await readdir(tree)).toSorted()).toEqual([
        "docker.io",
        "reg.example_5000_",
        "registry.k8s.io",
      ]);
      for (const { path, text } of planned) {
        const written = join(tree, path.split("/").slice(-2).join("/"));
        // What stands above the tables names the place of the file, which is another one here
        expect(tablesOf(await readFile(written, "utf8"))).toBe(tablesOf(text));
        expect((await stat(written)).mode & 0o777).toBe(0o644);
      }
    }
  },
);

function tablesOf(text: string): string {
  return text.replace(/^#.*\n/gm, "");
}

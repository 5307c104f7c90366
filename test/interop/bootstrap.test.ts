import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { loadTextFormats } from "../../src/formats/text-formats.ts";
import { waitForRegistry } from "../../src/registry/wait-for-registry.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { image, layer } from "../support/artifacts.ts";
import { MAIN } from "../support/cli.ts";
import { runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireDaemon } from "../support/tool.ts";
import { startContainerd } from "./support/container-daemons.ts";
import { freePort } from "./support/nginx.ts";

const PAGE = new URL("../../docs/bootstrap.md", import.meta.url);

/** What needs a stick, another machine or k3s itself. */
const BY_HAND = /^(?:mount|tar|npm|install|systemctl) /;

/** Directories of the machine that a test has its own of. */
const PLACES = ["/media/usb", "/srv", "/var/lib/rancher", "/etc/rancher", "/etc/systemd/system"];

const plain = (name: string) => image({ name, layers: [layer({ [name]: name })] });
const IMAGES = {
  "docker.io/rancher/mirrored-pause:3.6": plain("pause"),
  "docker.io/rancher/mirrored-coredns-coredns:1.12.0": plain("coredns"),
  "reg.example:5000/acme/web:v1": plain("web"),
};

describe("docs/bootstrap.md", () => {
  requireDaemon("containerd", "ctr").test(
    "its commands, as written, give a node all images by archive and by server",
    async () => {
      await using directory = await openTempDirectory();
      const port = await freePort();
      const here = (text: string) =>
        PLACES.reduce(
          (whole, place) => whole.replaceAll(place, directory.resolve(`root${place}`)),
          text,
        ).replaceAll("127.0.0.1:5000", `127.0.0.1:${port}`);
      for (const place of PLACES) await mkdir(here(place), { recursive: true });
      await writeBundle(here("/media/usb/bundle"), IMAGES);
      const mirror = directory.resolve("mirror");
      await writeFile(mirror, `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
      await chmod(mirror, 0o755);

      const commands = await readCommands();
      expect(commands).toHaveLength(10);
      const env = { PATH: `${directory.path}:${process.env["PATH"]}`, HOME: directory.path };
      for (const command of commands.filter((one) => !BY_HAND.test(one))) {
        const result = await runProcess("sh", ["-ec", here(command)], { env });
        expect(result, `${command}: ${result.stderr}`).toMatchObject({ exitCode: 0 });
      }

      await using containerd = await startContainerd();
      const archive = here("/var/lib/rancher/k3s/agent/images/mirror.tar");
      const images = ["--namespace", "k8s.io", "images"];
      await containerd.run(...images, "import", "--all-platforms", archive);
      const { stdout } = await containerd.run(...images, "ls");
      for (const [name, { manifest }] of Object.entries(IMAGES)) {
        expect(stdout).toMatch(new RegExp(`${name} .*${manifest.descriptor.digest}`));
      }

      const unit = await readFile(here("/etc/systemd/system/mirror.service"), "utf8");
      const [, words = ""] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
      const listening = words.replace("0.0.0.0:5000", `127.0.0.1:${port}`);
      await using server = await startProcess(mirror, listening.split(" "), { env });
      await waitForRegistry({ url: `http://127.0.0.1:${port}` });
      const { yaml } = await loadTextFormats();
      const registries = yaml.parse(
        await readFile(here("/etc/rancher/k3s/registries.yaml"), "utf8"),
      ) as { mirrors: Record<string, { endpoint: string[] }> };
      for (const [name, { manifest }] of Object.entries(IMAGES)) {
        const [, host = "", repository, tag] = /^([^/]+)\/(.*):([^:]+)$/.exec(name) ?? [];
        const [endpoint] = registries.mirrors[host]?.endpoint ?? [];
        const url = `${endpoint}/v2/${repository}/manifests/${tag}?ns=${encodeURIComponent(host)}`;
        const answer = await fetch(url, { method: "HEAD" });
        expect(answer.headers.get("docker-content-digest")).toBe(manifest.descriptor.digest);
      }
      server.kill("SIGTERM");
      await server.finished;
    },
  );
});

/** The lines of the block that is told to be ten commands. */
async function readCommands(): Promise<readonly string[]> {
  const text = await readFile(PAGE, "utf8");
  const [, block = ""] = /^Ten commands.*?^```sh\n(.*?)^```$/ms.exec(text) ?? [];
  return block.trim().split("\n");
}

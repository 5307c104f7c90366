import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { loadTextFormats } from "../../src/formats/text-formats.ts";
import { waitForRegistry } from "../../src/registry/wait-for-registry.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { image, layer } from "../support/artifacts.ts";
import { runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireDaemon } from "../support/tool.ts";
import { startContainerd } from "./support/container-daemons.ts";
import { freePort } from "./support/nginx.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const PAGE = new URL("../../docs/bootstrap.md", import.meta.url);

/** What needs an init of its own, and k3s. */
const BY_HAND = /^systemctl /;

/** Directories of the machine that a test has its own of. */
const PLACES = [
  "/media/usb",
  "/usr/local",
  "/srv",
  "/var/lib/rancher",
  "/etc/rancher",
  "/etc/systemd/system",
];

const plain = (name: string) => image({ name, layers: [layer({ [name]: name })] });
const IMAGES = {
  "docker.io/rancher/mirrored-pause:3.6": plain("pause"),
  "docker.io/rancher/mirrored-coredns-coredns:1.12.0": plain("coredns"),
  "reg.example:5000/acme/web:v1": plain("web"),
};

describe("docs/bootstrap.md", () => {
  requireDaemon("containerd", "ctr", "unshare", "mount", "mke2fs", "xz").test(
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
      const stick = await makeStick(directory);
      const device = (text: string) => text.replace("/dev/disk/by-label/MIRROR", stick);
      const commands = await readCommands();
      expect(commands).toHaveLength(10);
      const local = here("/usr/local");
      const env = {
        PATH: `${local}/bin:${process.env["PATH"]}`,
        HOME: directory.path,
        // Where the npm of the archive installs, which is that of the machine here
        npm_config_prefix: local,
      };
      const script = commands.filter((one) => !BY_HAND.test(one)).map((one) => here(device(one)));
      // The stick is there for these commands and for nobody else
      const alone = ["--mount", "sh", "-exc", script.join("\n")];
      const result = await runProcess(findTool("unshare") ?? "unshare", alone, { env });
      expect(result, result.stderr).toMatchObject({ exitCode: 0 });
      const mirror = `${local}/bin/mirror`;
      expect(await readFile(`${local}/bin/k3s`, "utf8")).toBe("k3s");

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

/** What the page says is on the stick, as the file of a device. */
async function makeStick(directory: TempDirectory): Promise<string> {
  const [content, node, device] = ["content", "node", "stick.img"].map((it) =>
    directory.resolve(it),
  );
  if (!content || !node || !device) throw new Error("not reached");
  await writeBundle(`${content}/bundle`, IMAGES);
  await mkdir(`${node}/node-linux-x64/bin`, { recursive: true });
  await symlink(process.execPath, `${node}/node-linux-x64/bin/node`);
  await writeFile(`${content}/k3s`, "k3s");
  const done = async (name: string, args: readonly string[], cwd = directory.path) => {
    const result = await runProcess(findTool(name) ?? name, args, { cwd });
    expect(result, `${name}: ${result.stderr}`).toMatchObject({ exitCode: 0 });
    return result.stdout.trim();
  };
  await done("tar", ["-cJf", `${content}/node-linux-x64.tar.xz`, "-C", node, "node-linux-x64"]);
  const packed = await done(
    "npm",
    ["pack", "--ignore-scripts", "--pack-destination", content],
    ROOT,
  );
  await rename(`${content}/${packed.split("\n").at(-1)}`, `${content}/airgap-mirror.tgz`);
  await done("mke2fs", ["-q", "-t", "ext2", "-L", "MIRROR", "-d", content, device, "256M"]);
  return device;
}

/** The lines of the block that is told to be ten commands. */
async function readCommands(): Promise<readonly string[]> {
  const text = await readFile(PAGE, "utf8");
  const [, block = ""] = /^Ten commands.*?^```sh\n(.*?)^```$/ms.exec(text) ?? [];
  return block.trim().split("\n");
}

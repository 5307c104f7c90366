import type { ImageContents } from "../contents/contents.ts";
import { exportedName } from "../export/exported-image.ts";
import { withScratchDirectory } from "../io/scratch-directory.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parsePlatform } from "../oci/platform.ts";
import { formatReference, parseReference } from "../oci/reference.ts";
import {
  createClient,
  type Listing,
  type OpenRuntimeOptions,
  type Runtime,
  type RuntimeClient,
} from "./runtime.ts";
import type { RuntimeTarget } from "./runtime-target.ts";

/** Docker takes one platform of an image; only its newer store keeps the index, and the digest with it. */
export async function openDocker(
  target: RuntimeTarget,
  options: OpenRuntimeOptions,
): Promise<Runtime> {
  const args = target.socket === undefined ? [] : ["--host", `unix://${target.socket}`];
  const client = createClient(target, { name: "docker", args }, options);
  const machine = await client.ask("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}");
  const store = await client.ask("info", "--format", "{{json .DriverStatus}}");
  const keepsIndexes = store.includes("io.containerd.snapshotter.v1");
  return {
    form: keepsIndexes ? "k3s" : "docker-archive",
    platform: parsePlatform(machine.trim()),
    plannedOf: keepsIndexes ? ({ root }) => root.digest : configOf,
    list: () => listImages(client),
    load: (tar) => client.feed(tar, ["load"]),
  };
}

export async function openPodman(
  target: RuntimeTarget,
  options: OpenRuntimeOptions,
): Promise<Runtime> {
  const args = target.socket === undefined ? [] : ["--url", `unix://${target.socket}`];
  const client = createClient(target, { name: "podman", args }, options);
  const { host, store } = JSON.parse(await client.ask("info", "--format", "json")) as PodmanInfo;
  // A client of a socket copies on its own side, older ones do not say where
  const chosen = target.socket === undefined ? store?.imageCopyTmpDir : undefined;
  const copies = chosen ?? options.env["TMPDIR"] ?? "/var/tmp";
  return {
    form: "docker-archive",
    platform: parsePlatform(`${host.os}/${host.arch}`),
    plannedOf: configOf,
    list: () => listImages(client),
    // It copies all that it is given to a file first, and leaves that there if it is ended
    load: (tar) => withScratchDirectory(copies, (TMPDIR) => client.feed(tar, ["load"], { TMPDIR })),
  };
}

interface PodmanInfo {
  readonly host: { readonly os: string; readonly arch: string };
  readonly store?: { readonly imageCopyTmpDir?: string };
}

/** The id of an image is the digest of its config. */
function configOf({ archive, root }: ImageContents): Digest {
  return archive?.config ?? root.digest;
}

async function listImages(client: RuntimeClient): Promise<Listing> {
  const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
  const text = await client.ask("images", "--no-trunc", "--format", format);
  const named = new Map<string, Digest>();
  const ids = new Set<string>();
  for (const line of text.split("\n")) {
    const [name = "", id = ""] = line.trim().split(" ");
    const digest = id.includes(":") ? id : `sha256:${id}`;
    if (!isDigest(digest)) continue;
    ids.add(digest);
    // What has no name is listed as <none>
    if (!name.includes("<")) named.set(formatReference(parseReference(name)), digest);
  }
  return {
    find(image) {
      const name = exportedName(image);
      // An archive can give no name with a digest
      if (!name.includes("@")) return named.get(name);
      return [configOf(image), image.root.digest].find((digest) => ids.has(digest));
    },
  };
}

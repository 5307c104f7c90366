import { connect } from "node:net";
import type { ImageContents } from "../contents/contents.ts";
import { exportedName } from "../export/exported-image.ts";
import { isDigest } from "../oci/digest.ts";
import { RuntimeUnavailableError } from "./errors.ts";
import {
  createClient,
  type Listing,
  type OpenRuntimeOptions,
  type Runtime,
  type RuntimeClient,
} from "./runtime.ts";
import { formatRuntimeTarget, type RuntimeTarget } from "./runtime-target.ts";

/** containerd keeps indexes whole: the digests of the bundle are those that it lists. */
export async function openContainerd(
  target: RuntimeTarget,
  options: OpenRuntimeOptions,
): Promise<Runtime> {
  const { socket = "", namespace = "" } = target;
  // Its client waits long for who does not answer
  await tryToConnect(socket, formatRuntimeTarget(target));
  const args = ["--address", socket, "--namespace", namespace];
  const client = createClient(target, { name: "ctr", args }, options);
  await client.ask("version");
  return {
    form: "k3s",
    plannedOf: ({ root }) => root.digest,
    async list() {
      const images = parseImages(await client.ask("images", "ls"));
      const content = new Set((await client.ask("content", "ls", "--quiet")).split("\n"));
      return createListing(images, content);
    },
    // Who starts a container unpacks, and only for its own platform
    async load(tar) {
      await dropCutImports(client);
      await client.feed(tar, ["images", "import", "--all-platforms", "--no-unpack", "-"]);
    },
  };
}

/**
 * What an import was writing when it was ended stays for a day, and the next import goes on behind it, whatever it brings: an
 * `index.json` that is shorter fails with "unable to discard to offset", a blob that was damaged keeps its first half. Ended
 * with no more bytes, it becomes content that nothing names, which containerd collects. There is no command that drops it.
 */
async function dropCutImports(client: RuntimeClient): Promise<void> {
  const lines = (await client.ask("content", "active")).split("\n").slice(1);
  const refs = lines.map((line) => line.split("\t")[0]?.trim() ?? "");
  for (const ref of refs.filter((one) => one.startsWith("tar-"))) {
    // One that is being written now belongs to somebody else: our import waits for it, or is told
    await client.tryEmpty("content", "ingest", ref);
  }
}

/** Name → digest of the lines of `ctr images ls`. */
function parseImages(text: string): ReadonlyMap<string, string> {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
  return new Map(rows.map(([name = "", , digest = ""]) => [name, digest]));
}

function createListing(images: ReadonlyMap<string, string>, content: ReadonlySet<string>): Listing {
  const isWhole = ({ documents, layers }: ImageContents) =>
    [...documents, ...layers].every(({ digest }) => content.has(digest));
  return {
    find(image) {
      const digest = images.get(exportedName(image));
      if (digest === undefined || !isDigest(digest)) return undefined;
      return digest !== image.root.digest || isWhole(image) ? digest : undefined;
    },
  };
}

async function tryToConnect(socket: string, shown: string): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(undefined);
    });
    connection.once("error", resolve);
  });
  if (error === undefined) return;
  const [reason, hint] = WHY[error.code ?? ""] ?? [error.message, "Look whether containerd runs"];
  throw new RuntimeUnavailableError(shown, reason, { hint, cause: error });
}

const WHY: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: [
    "there is no such socket",
    "Start containerd, or name its socket: that of k3s is /run/k3s/containerd/containerd.sock",
  ],
  ECONNREFUSED: ["nobody listens on the socket", "Start containerd"],
  EACCES: ["the socket may not be used", "Run the same command as root"],
};

import type { TextFormats } from "../formats/text-formats.ts";
import type { ClientDocument } from "./client-document.ts";
import { toFile } from "./planned-file.ts";

export interface InjectionOptions {
  /** What the files are put into, for the first line. */
  readonly title: string;
  /** Shell command that prints the names of the node containers. */
  readonly nodes: string;
  readonly formats: TextFormats;
}

/** Where containerd looks in a node. */
const NODE_DIRECTORY = "/etc/containerd/certs.d";

/** Name of the script among the files of a runtime. */
export const INJECTION_FILE = "inject.sh";

/**
 * A script for the operator: it writes a tree of `hosts.toml` files into running node containers. It holds the files
 * itself, in base64, so nothing of their text is ever read by a shell.
 */
export function planInjection(
  tree: readonly ClientDocument[],
  { title, nodes, formats }: InjectionOptions,
): ClientDocument {
  const writes = tree.flatMap((document) => {
    const { path, text } = toFile(document, NODE_DIRECTORY, formats);
    const target = `${NODE_DIRECTORY}/${path}`;
    const directory = target.slice(0, target.lastIndexOf("/"));
    const command = `umask 022; mkdir -p '${directory}' && base64 -d > '${target}'`;
    return [
      `  docker exec -i "$node" sh -c "${command}" <<'END'`,
      ...(Buffer.from(text)
        .toString("base64")
        .match(/.{1,76}/g) ?? []),
      "END",
    ];
  });
  const text = [
    `# Writes the files for containerd into ${title}. Run it with sh.`,
    "set -eu",
    `for node in $(${nodes}); do`,
    ...writes,
    "done",
    "",
  ].join("\n");
  return {
    path: INJECTION_FILE,
    content: { format: "text", text, comment: "#" },
    applies: "at once, without a restart of the nodes",
    validFor: "nodes that run in Docker",
    ...(tree.some(({ isSecret }) => isSecret) ? { isSecret: true } : {}),
  };
}

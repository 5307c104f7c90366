import type { Command } from "../command.ts";
import { TARGET_LOGIN_FLAGS } from "../options/credentials.ts";
import type { FlagTable } from "../options/flag.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";

export const FLAGS = {
  file: {
    type: "list",
    describe: "Package file to push, besides the bundle or instead of it; repeatable",
    group: "Bundle:",
  },
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below the target (default: modules)",
    group: "Target:",
  },
  tag: {
    type: "string",
    describe: "Tag of the image of a layout or archive that has none",
    group: "Target:",
  },
  image: {
    type: "list",
    describe: "For runtimes: image to load, * stands for any text; repeatable (default: all)",
    group: "Target:",
  },
  platform: {
    type: "list",
    describe:
      "For runtimes: platform to load of multi-platform images: os/arch[/variant]; repeatable",
    group: "Target:",
  },
  "part-size": {
    type: "string",
    describe: "Send large blobs in parts of this size (default: as the line is, 1 to 40 MiB)",
    group: "Target:",
  },
  "trust-target": {
    type: "boolean",
    describe: "Believe the tags of the target: do not ask for what is below them",
    group: "Target:",
  },
  "no-referrers": {
    type: "boolean",
    describe: "Do not push what belongs to images: signatures, attestations, SBOMs",
    group: "Target:",
  },
  "referrer-type": {
    type: "list",
    describe: "Of what belongs to images, push this media type only, * for any part; repeatable",
    group: "Target:",
  },
  ...SIGNATURE_FLAGS,
  ...TARGET_LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  receipt: {
    type: "string",
    describe: "Where the receipt goes (default: ./receipt.json)",
    group: "Output:",
  },
  ...OUTPUT_FLAGS,
  "tmp-dir": {
    type: "string",
    describe: "Accepted for compatibility: nothing is written there",
  },
  "dry-run": {
    type: "boolean",
    describe: "Only print what would be pushed",
    group: "Bundle:",
  },
} as const satisfies FlagTable;

export const PUSH_COMMAND: Command<typeof FLAGS> = {
  name: "push",
  describe: "Replay the bundle into a private registry or a runtime and write a receipt",
  positionals: [
    {
      name: "bundle",
      describe:
        "Directory of the bundle, one package file, an image layout or an archive of docker save; not needed with --file",
    },
    {
      name: "target",
      describe:
        "registry/repository to push to, or a runtime of this machine: containerd:///run/containerd/containerd.sock, docker://local, podman://local",
      default: "",
    },
  ],
  flags: FLAGS,
  examples: [
    "mirror push ./bundle registry.local/mirror -u admin --registry-password-stdin",
    "mirror push ./bundle 'containerd:///run/k3s/containerd/containerd.sock?namespace=k8s.io'",
    "mirror push ./bundle docker://local --image 'docker.io/library/*' --platform linux/arm64",
  ],
  resumeHint: "Run the same command again: what has arrived is not sent again",
  load: async () => (await import("../actions/push.ts")).runPushCommand,
};

import type { FlagTable, FlagValues } from "./flag.ts";

/** What to mirror. */
export const SELECTION_FLAGS = {
  source: {
    type: "string",
    describe: "Repository that modules live below: registry/path",
    group: "Source:",
  },
  "include-module": {
    type: "list",
    alias: "i",
    describe: "Module to take: name[@constraint]; repeatable",
    group: "Selection:",
  },
  "exclude-module": {
    type: "list",
    alias: "e",
    describe: "Module to leave out; repeatable",
    group: "Selection:",
  },
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below the source (default: modules)",
    group: "Selection:",
  },
  "include-image": {
    type: "list",
    describe: "Image to take: registry/repository[:tag|@digest|@constraint]; repeatable",
    group: "Selection:",
  },
  "images-from": {
    type: "list",
    describe: "File with one image per line, - for stdin; repeatable",
    group: "Selection:",
  },
  platform: {
    type: "list",
    describe: "Platform to keep of multi-platform images, os/arch[/variant]; repeatable",
    group: "Selection:",
  },
  "latest-patch": {
    type: "boolean",
    describe: "Of a range, keep only the highest patch of each minor version",
    group: "Selection:",
  },
  "no-modules": { type: "boolean", describe: "Leave out all modules", group: "Selection:" },
  "only-extra-images": {
    type: "boolean",
    describe: "Only the extra images of the modules",
    group: "Selection:",
  },
  "no-platform": {
    type: "boolean",
    describe: "Leave out the platform (this version never takes it)",
    group: "Selection:",
  },
  "no-security-db": {
    type: "boolean",
    describe: "Leave out the security databases (this version never takes them)",
    group: "Selection:",
  },
  "platform-tag": {
    type: "string",
    alias: "deckhouse-tag",
    describe: "Release of the platform",
    supported: false,
  },
  "since-version": {
    type: "string",
    describe: "Oldest release of the platform",
    supported: false,
  },
  "include-platform": {
    type: "string",
    describe: "Releases of the platform",
    supported: false,
  },
} as const satisfies FlagTable;

/** The user's wishes as text; the library parses them. */
export interface Wishes {
  readonly source?: string;
  readonly includeModules: readonly string[];
  readonly excludeModules: readonly string[];
  readonly modulesPathSuffix?: string;
  readonly includeImages: readonly string[];
  readonly noModules: boolean;
  readonly onlyExtraImages: boolean;
  readonly platforms: readonly string[];
  readonly latestPatch: boolean;
}

/** `listedImages` come from `--images-from`. */
export function toWishes(
  flags: FlagValues<typeof SELECTION_FLAGS>,
  listedImages: readonly string[] = [],
): Wishes {
  const suffix = flags["modules-path-suffix"];
  return {
    ...(flags.source === undefined ? {} : { source: flags.source }),
    includeModules: flags["include-module"] ?? [],
    excludeModules: flags["exclude-module"] ?? [],
    ...(suffix === undefined ? {} : { modulesPathSuffix: suffix }),
    includeImages: [...(flags["include-image"] ?? []), ...listedImages],
    noModules: flags["no-modules"] ?? false,
    onlyExtraImages: flags["only-extra-images"] ?? false,
    platforms: flags.platform ?? [],
    latestPatch: flags["latest-patch"] ?? false,
  };
}

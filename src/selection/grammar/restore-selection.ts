import { parseModulesPath } from "../../product/modules-path.ts";
import type { MemberSelection, Selection } from "./selection.ts";

const NO_MEMBERS: MemberSelection = { enabled: false, include: [], exclude: [] };

/** What a selection is where nothing of it was written down. */
const NOTHING: Selection = {
  platform: { enabled: false, releases: { kind: "channels" }, ignoreSuspend: false },
  installer: { enabled: false },
  security: { enabled: false },
  modules: { ...NO_MEMBERS, pathSuffix: parseModulesPath(), onlyExtraImages: false },
  packages: { ...NO_MEMBERS, onlyExtraImages: false, versions: false },
  plugins: { automatic: false, include: [] },
  images: [],
  tags: { excludeTags: [] },
  repositories: { include: [], exclude: [] },
  platforms: [],
  skipMissingAttestations: false,
  skipForeignLayers: false,
  latestPatch: false,
  vex: false,
  skipReferrers: false,
  referrerTypes: [],
  proxyRegistry: false,
};

/** The selection that a bundle or a lock has written down, where wishes that are off or empty are left out. */
export function restoreSelection(recorded: object): Selection {
  return fill(NOTHING, recorded) as unknown as Selection;
}

function fill(defaults: object, recorded: object): Readonly<Record<string, unknown>> {
  const known = Object.entries(defaults).map(([key, value]: [string, unknown]) => {
    const written = (recorded as Readonly<Record<string, unknown>>)[key];
    return [key, isPlain(value) && isPlain(written) ? fill(value, written) : (written ?? value)];
  });
  return { ...recorded, ...(Object.fromEntries(known) as object) };
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

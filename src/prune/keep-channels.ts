import { compareTexts } from "../compare-texts.ts";
import { MirrorError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { formatReference } from "../oci/reference.ts";
import { isChannel } from "../product/channel.ts";
import { holdsReleases } from "../product/layouts.ts";
import { parseSelection } from "../selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../selection/grammar/selection-options.ts";
import { type KeepSelectionOptions, keepSelection } from "./keep-selection.ts";
import type { Kept } from "./kept.ts";
import { canonicalPath, nameOfPart, partOf, type TargetPart } from "./target-parts.ts";

export interface KeepChannelsOptions extends KeepSelectionOptions {
  readonly modulesPath: string;
  /** Paths of all repositories below the target. */
  readonly paths: readonly string[];
  /** Names of the parts whose release channels stay: see `partOf`. */
  readonly parts: ReadonlySet<string>;
  /** Tags of a repository that stay in any case. */
  readonly tagsOf: (path: string) => Promise<Iterable<string>>;
  readonly onNotice: (notice: Notice) => void;
}

/**
 * Clusters follow release channels: those of what is kept stay, and so does what they point at. Where that cannot be found
 * out, all of the part stays.
 */
export async function keepChannels(kept: Kept, options: KeepChannelsOptions): Promise<void> {
  const { modulesPath, onNotice, parts, paths, tagsOf } = options;
  for (const path of [...paths].sort(compareTexts)) {
    const canonical = canonicalPath(path, modulesPath);
    const part = partOf(canonical);
    if (!holdsReleases(canonical) || !parts.has(nameOfPart(part))) continue;
    const channels = [...(await tagsOf(path))].filter(isChannel);
    if (channels.length === 0) continue;
    kept.add(path, { tags: channels });
    const wishes = wishesFor(part, options);
    try {
      if (wishes !== undefined)
        await keepSelection(kept, parseSelection(wishes).selection, options);
    } catch (error) {
      if (!(error instanceof MirrorError) || PASSING.has(error.code)) throw error;
      keepPart(kept, part, options);
      const message = `Everything of ${nameOfPart(part)} is kept: what its release channels point at cannot be found out (${error.message})`;
      onNotice({ code: "PART_KEPT", message });
    }
  }
}

/** What another try may change. */
const PASSING: ReadonlySet<string> = new Set(["REGISTRY_UNREACHABLE", "REGISTRY_LIMITED"]);

function keepPart(kept: Kept, part: TargetPart, { modulesPath, paths }: KeepChannelsOptions): void {
  for (const path of paths) {
    const isOfPart = nameOfPart(partOf(canonicalPath(path, modulesPath))) === nameOfPart(part);
    if (isOfPart) kept.addWhole(path);
  }
}

/** Of a part alone, what its release channels point at. */
function wishesFor(
  part: TargetPart,
  { target, modulesPath }: KeepChannelsOptions,
): ParseSelectionOptions | undefined {
  const modulesPathSuffix = modulesPath === "" ? "/" : modulesPath;
  const alone = {
    source: formatReference(target),
    modulesPathSuffix,
    noInstaller: true,
    noSecurityDb: true,
    noPackageVersions: true,
    noPlugins: true,
    // What belongs to what is kept is kept anyway
    noReferrers: true,
  };
  if (part.kind === "platform") return { ...alone, noModules: true, noPackages: true };
  if (part.kind !== "member") return undefined;
  const member = part.catalog === "modules" ? "includeModules" : "includePackages";
  const others = part.catalog === "modules" ? { noPackages: true } : { noModules: true };
  return { ...alone, ...others, noPlatform: true, [member]: [part.name] };
}

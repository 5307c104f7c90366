import { OptionInvalidError } from "../errors.ts";
import { fitsPattern } from "../name-pattern.ts";
import { formatReference } from "../oci/reference.ts";
import { parseSelection } from "../selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../selection/grammar/selection-options.ts";
import { referenceBelow } from "../target/target.ts";
import { type KeepSelectionOptions, keepSelection } from "./keep-selection.ts";
import type { Kept } from "./kept.ts";
import { canonicalPath, nameOfPart, partOf } from "./target-parts.ts";

/** What narrows policies, as in a pull. */
export type PolicyLimits = Pick<ParseSelectionOptions, "latest" | "newerThan" | "excludeTags">;

export interface KeepPoliciesOptions extends KeepSelectionOptions {
  readonly policies: readonly string[];
  readonly limits: PolicyLimits;
  readonly modulesPath: string;
  readonly paths: readonly string[];
}

/**
 * Keeps what policies of repositories take, and answers which repositories they speak of. A module or package is meant
 * with everything of it; of any other repository without a policy all is kept.
 */
export async function keepPolicies(
  kept: Kept,
  options: KeepPoliciesOptions,
): Promise<ReadonlySet<string>> {
  const found = options.policies.flatMap((policy) => meanings(policy, options));
  for (const { path, wish } of found) if (wish === undefined) kept.addWhole(path);
  for (const key of WISH_KEYS) {
    const names = found.flatMap(({ wish }) => (wish?.key === key ? [wish.name] : []));
    if (names.length === 0) continue;
    const { selection } = parseSelection(wishesOf(key, names, options));
    await keepSelection(kept, selection, options);
  }
  return new Set(found.flatMap(({ scope }) => scope));
}

const WISH_KEYS = ["includeModules", "includePackages", "includeImages"] as const;

/** What a policy says of one repository. */
interface Meaning {
  readonly path: string;
  /** Repositories that it speaks of. */
  readonly scope: readonly string[];
  /** Undefined: all of the repository. */
  readonly wish?: { readonly key: (typeof WISH_KEYS)[number]; readonly name: string };
}

function meanings(policy: string, options: KeepPoliciesOptions): Meaning[] {
  const { modulesPath, paths } = options;
  const { pattern, rest } = split(policy);
  const fitting = paths.filter((path) => fitsPattern(pattern, canonicalPath(path, modulesPath)));
  if (fitting.length > 0) return fitting.map((path) => meaningOf(path, rest, options));
  throw new OptionInvalidError("policies", `"${policy}" speaks of no repository of the target`, {
    hint: "Write the path of a repository below the target, with * for any text, and a policy: modules/foo@semver:>=1.3",
  });
}

function meaningOf(
  path: string,
  rest: string,
  { modulesPath, paths, target }: KeepPoliciesOptions,
): Meaning {
  const nameOf = (one: string) => nameOfPart(partOf(canonicalPath(one, modulesPath)));
  const canonical = canonicalPath(path, modulesPath);
  const part = partOf(canonical);
  const key = part.kind === "member" ? MEMBERS[part.catalog] : undefined;
  if (part.kind === "member" && key !== undefined && canonical === nameOf(path)) {
    const scope = paths.filter((one) => nameOf(one) === canonical);
    return { path, scope, wish: { key, name: `${part.name}${rest}` } };
  }
  if (rest === "") return { path, scope: [path] };
  const name = `${formatReference(referenceBelow(target, path))}${rest}`;
  return { path, scope: [path], wish: { key: "includeImages", name } };
}

/** Catalogues whose members are resolved with all that they need. */
const MEMBERS: Readonly<Record<string, (typeof WISH_KEYS)[number]>> = {
  modules: "includeModules",
  packages: "includePackages",
};

function wishesOf(
  key: (typeof WISH_KEYS)[number],
  names: readonly string[],
  { limits, modulesPath, target }: KeepPoliciesOptions,
): ParseSelectionOptions {
  // What belongs to what is kept is kept anyway
  const common = { ...limits, noReferrers: true };
  if (key === "includeImages") return { ...common, includeImages: names };
  const others = key === "includeModules" ? { noPackages: true } : { noModules: true };
  const modulesPathSuffix = modulesPath === "" ? "/" : modulesPath;
  const source = formatReference(target);
  return { ...common, ...NOTHING_ELSE, ...others, source, modulesPathSuffix, [key]: names };
}

const NOTHING_ELSE = {
  noPlatform: true,
  noInstaller: true,
  noSecurityDb: true,
  noPackageVersions: true,
  noPlugins: true,
} as const;

/** `modules/foo@>=1.3` → the pattern of a path, and the rest with its `@`. */
function split(policy: string): { readonly pattern: string; readonly rest: string } {
  const at = policy.indexOf("@");
  const pattern = (at < 0 ? policy : policy.slice(0, at)).replace(/^\/+|\/+$/g, "");
  return { pattern, rest: at < 0 ? "" : policy.slice(at) };
}

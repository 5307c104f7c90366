import { option } from "../../option.ts";
import type { SelectionNotice } from "../notice.ts";
import { mergeSelectors, parseExcludes } from "./merge-selectors.ts";
import type { MemberSelection } from "./selection.ts";
import type { ParseSelectionOptions } from "./selection-options.ts";

export const MODULE_OPTIONS = {
  noun: "module",
  include: "includeModules",
  exclude: "excludeModules",
  without: "noModules",
} as const;

export const PACKAGE_OPTIONS = {
  noun: "package",
  include: "includePackages",
  exclude: "excludePackages",
  without: "noPackages",
} as const;

interface ParsedMembers {
  readonly members: MemberSelection;
  readonly notices: readonly SelectionNotice[];
}

/** Modules and packages are chosen in the same way. Includes win over leaving all out, with a notice (D10). */
export function parseMembers(
  options: ParseSelectionOptions,
  names: typeof MODULE_OPTIONS | typeof PACKAGE_OPTIONS,
): ParsedMembers {
  const { noun } = names;
  const include = mergeSelectors(options[names.include] ?? [], names.include);
  const isAsked = include.length > 0 || Boolean(options.onlyExtraImages);
  const isLeftOut = Boolean(options[names.without]) && !isAsked;
  // A proxy cannot list what there is
  const isListed = !options.proxyRegistry || include.length > 0;
  const enabled = options.source !== undefined && !isLeftOut && isListed;
  const excludes = parseExcludes(options[names.exclude] ?? [], {
    includedBy: names.include,
    excludedBy: names.exclude,
    include,
    enabled,
  });
  const winner = include.length > 0 ? names.include : "onlyExtraImages";
  const ignored: readonly SelectionNotice[] =
    options[names.without] && isAsked
      ? [
          {
            code: noun === "module" ? "NO_MODULES_IGNORED" : "NO_PACKAGES_IGNORED",
            message: `${option(names.without)} has no effect: ${option(winner)} asks for ${noun}s`,
          },
        ]
      : [];
  return {
    members: { enabled, include, ...excludes.members },
    notices: [...ignored, ...excludes.notices],
  };
}

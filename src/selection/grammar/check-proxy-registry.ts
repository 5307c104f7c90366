import { option } from "../../option.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { ModuleSelector, Selection } from "./selection.ts";
import { type MemberOption, NOUNS } from "./selector.ts";

const OPTION = option("proxyRegistry");

/** Options that a selection does not show any more. */
export interface ProxyRegistryFlags {
  readonly platformTag?: string | undefined;
  readonly sinceVersion?: string | undefined;
  readonly noModules?: boolean | undefined;
  readonly onlyExtraImages?: boolean | undefined;
}

/**
 * A proxy registry lists no tags, so everything has to be named with versions that can be asked for one by one.
 */
export function checkProxyRegistry(selection: Selection, flags: ProxyRegistryFlags): void {
  const { source, platform, modules, packages, plugins } = selection;
  if (flags.platformTag !== undefined) throw refusePlatform(option("platformTag"));
  if (flags.sinceVersion !== undefined) throw refusePlatform(option("sinceVersion"));
  if (source === undefined) return;
  if (platform.enabled && platform.releases.kind === "channels") {
    throw refuse(
      "the releases of the platform cannot be listed",
      `Add ${option("includePlatform")} or ${option("noPlatform")}`,
    );
  }
  const needsModules = !flags.noModules || flags.onlyExtraImages;
  if (needsModules && modules.include.length === 0) {
    throw refuse(
      "the modules cannot be listed",
      `Add ${option("includeModules")} or ${option("noModules")}`,
    );
  }
  refuseBare(modules.include, "includeModules");
  refuseBare(packages.include, "includePackages");
  for (const { name, filter } of plugins.include) {
    if (filter.kind === "exact") continue;
    throw refuse(
      `the versions of plugin "${name}" cannot be listed`,
      `Name an exact tag: ${option("includePlugins")} "${name}@=v1.2.3"`,
    );
  }
}

function refuseBare(selectors: readonly ModuleSelector[], from: MemberOption): void {
  const bare = selectors.find(({ filter }) => filter.kind === "default");
  if (bare === undefined) return;
  throw refuse(
    `the versions of ${NOUNS[from]} "${bare.name}" cannot be listed`,
    `Write versions behind the name, for example ${option(from)} "${bare.name}@^1.0"`,
  );
}

function refusePlatform(other: string): SelectionInvalidError {
  return refuse(`it cannot be used with ${other}`, `Use ${option("includePlatform")} instead`);
}

function refuse(reason: string, hint: string): SelectionInvalidError {
  return new SelectionInvalidError(OPTION, reason, { hint });
}

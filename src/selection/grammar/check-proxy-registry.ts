import { SelectionInvalidError } from "../errors.ts";
import type { ModuleSelector, Selection } from "./selection.ts";

const OPTION = "--proxy-registry";

/** Flags that a selection does not show any more. */
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
  if (flags.platformTag !== undefined) throw refusePlatform("--platform-tag");
  if (flags.sinceVersion !== undefined) throw refusePlatform("--since-version");
  if (source === undefined) return;
  if (platform.enabled && platform.releases.kind === "channels") {
    throw refuse(
      "the releases of the platform cannot be listed",
      "Add --include-platform or --no-platform",
    );
  }
  const needsModules = !flags.noModules || flags.onlyExtraImages;
  if (needsModules && modules.include.length === 0) {
    throw refuse("the modules cannot be listed", "Add --include-module or --no-modules");
  }
  refuseBare(modules.include, "module");
  refuseBare(packages.include, "package");
  for (const { name, filter } of plugins.include) {
    if (filter.kind === "exact") continue;
    throw refuse(
      `the versions of plugin "${name}" cannot be listed`,
      `Name an exact tag: --include-plugin "${name}@=v1.2.3"`,
    );
  }
}

function refuseBare(selectors: readonly ModuleSelector[], noun: string): void {
  const bare = selectors.find(({ filter }) => filter.kind === "default");
  if (bare === undefined) return;
  throw refuse(
    `the versions of ${noun} "${bare.name}" cannot be listed`,
    `Write versions behind the name, for example --include-${noun} "${bare.name}@^1.0"`,
  );
}

function refusePlatform(flag: string): SelectionInvalidError {
  return refuse(`it cannot be used with ${flag}`, "Use --include-platform instead");
}

function refuse(reason: string, hint: string): SelectionInvalidError {
  return new SelectionInvalidError(OPTION, reason, { hint });
}

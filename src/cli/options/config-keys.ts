import type { Command } from "../command.ts";
import type { Flag } from "./flag.ts";

/** Keys that may stand beside each other in a configuration file. */
export interface ConfigKeys {
  /** Flags of any command. */
  readonly settings: ReadonlyMap<string, Flag>;
  /** Flags of what one bundle is pulled with. */
  readonly bundle: ReadonlyMap<string, Flag>;
}

/** What a list of bundles is under, and the directory of one of them. */
export const BUNDLES_KEY = "bundles";
export const BUNDLE_KEY = "bundle";
/** For editors. */
export const SCHEMA_KEY = "$schema";

export const BUNDLES_TEXT =
  "Bundles, each with its own source and selection: mirror pull without a bundle makes all of them";
export const BUNDLE_TEXT = "Directory of the bundle";
export const SCHEMA_TEXT = "Where editors find what keys there are";

/** A file names no other file. */
const NOT_IN_FILES: ReadonlySet<string> = new Set(["config"]);

export function configKeysOf(
  commands: readonly Pick<Command, "flags" | "runsBundles">[],
): ConfigKeys {
  const flagsOf = (some: readonly Pick<Command, "flags">[]) =>
    new Map(
      some
        .flatMap(({ flags }) => Object.entries(flags))
        .filter(([name]) => !NOT_IN_FILES.has(name)),
    );
  return {
    settings: flagsOf(commands),
    bundle: flagsOf(commands.filter(({ runsBundles }) => runsBundles === true)),
  };
}

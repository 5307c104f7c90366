import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import type { Root } from "../../../src/selection/resolve/root.ts";
import { image } from "../../support/artifacts.ts";
import {
  type MemoryRepositories,
  type MemorySource,
  moduleRepositories,
} from "../../support/memory-source.ts";

export interface Outcome {
  readonly roots: readonly Root[];
  readonly notices: readonly string[];
  readonly messages: readonly string[];
}

export async function resolve(
  source: MemorySource,
  wishes: ParseSelectionOptions,
  options: { readonly concurrency?: number; readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const { selection } = parseSelection({ ...MODULES_ONLY, ...wishes });
  const notices: string[] = [];
  const messages: string[] = [];
  const { roots } = await resolveSelection(selection, {
    openSource: source.openSource,
    onNotice: (code, message) => {
      // Most modules here have no images of their own
      if (code !== "IMAGE_LIST_MISSING") notices.push(code);
      messages.push(message);
    },
    ...options,
  });
  return { roots, notices, messages };
}

/** The other components have tests of their own. */
export const MODULES_ONLY: ParseSelectionOptions = {
  source: "registry.test/acme",
  noPlatform: true,
  noInstaller: true,
  noSecurityDb: true,
  noPackages: true,
  noPackageVersions: true,
  noPlugins: true,
};

export async function failureOf(source: MemorySource, wishes: ParseSelectionOptions) {
  try {
    await resolve(source, wishes);
  } catch (error) {
    return error as Error & { code: string; hint?: string; nearest: string[]; parts: Error[] };
  }
  throw new Error("expected an error");
}

/** Layout → tags. */
export function tagsOf({ roots }: Outcome): Record<string, string[]> {
  const tags: Record<string, string[]> = {};
  for (const root of roots) {
    tags[root.layout] = [...(tags[root.layout] ?? []), ...root.tags].sort();
  }
  return tags;
}

export function tagsIn(outcome: Outcome, layout: string): string[] {
  return tagsOf(outcome)[layout] ?? [];
}

export const LIST = "images_digests.json";
export const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];

export function allChannels(version: string): Record<string, string> {
  return Object.fromEntries(FIVE.map((channel) => [channel, version]));
}

export const CATALOG: MemoryRepositories = {
  "acme/modules": {
    console: image({ name: "console" }),
    commander: image({ name: "commander" }),
    code: image({ name: "code" }),
    "csi-huawei": image({ name: "csi-huawei" }),
  },
};

export const CONSOLE = moduleRepositories({
  name: "console",
  versions: ["v1.39.0", "v1.40.0", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"],
  channels: allChannels("v1.45.2"),
});

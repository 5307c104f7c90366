import type { PluginVersion } from "../resolve/plugin-needs.ts";
import { isMet, type TakenVersions } from "./plugin-contract.ts";

/** What plugins only ask for if it is there, and what is there in other versions only. Sentences. */
export function conflictsOf(
  chosen: readonly PluginVersion[],
  { modules }: TakenVersions,
): readonly string[] {
  const plugins = new Map<string, string[]>();
  for (const { name, image } of chosen) {
    plugins.set(name, [...(plugins.get(name) ?? []), image.reference]);
  }
  return chosen.flatMap(({ name, image, contract }) => {
    const needs = [
      ...(contract?.modules.conditional ?? []).map((need) => ["module", need, modules] as const),
      ...(contract?.plugins.conditional ?? []).map((need) => ["plugin", need, plugins] as const),
    ];
    return needs.flatMap(([noun, need, there]) => {
      const tags = there.get(need.name) ?? [];
      if (tags.length === 0 || tags.some((tag) => isMet(need, tag))) return [];
      return [
        `Plugin "${name}" ${image.reference} does not work with what is taken of ${noun} "${need.name}": it needs ${need.constraint}`,
      ];
    });
  });
}

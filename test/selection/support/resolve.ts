import type { ExtraFile } from "../../../src/contents/contents.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import type { Root } from "../../../src/selection/resolve/root.ts";
import { EDITION_ROOT } from "../../support/edition.ts";
import type { MemorySource } from "../../support/memory-source.ts";

export interface Outcome {
  readonly roots: readonly Root[];
  readonly files: readonly ExtraFile[];
  /** Codes. */
  readonly notices: readonly string[];
  readonly messages: readonly string[];
}

/** What a selection takes of a source in memory, with the edition as its source unless the wishes say otherwise. */
export async function resolveEdition(
  { openSource }: Pick<MemorySource, "openSource">,
  wishes: ParseSelectionOptions = {},
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const parsed = parseSelection({ source: `registry.test/${EDITION_ROOT}`, ...wishes });
  const notices: string[] = [];
  const messages: string[] = [];
  const { roots, files } = await resolveSelection(parsed.selection, {
    openSource,
    signal,
    onNotice: (code, message) => {
      notices.push(code);
      messages.push(message);
    },
  });
  return { roots, files, notices, messages };
}

export async function failureOf(
  source: Pick<MemorySource, "openSource">,
  wishes: ParseSelectionOptions,
): Promise<Error & { readonly code: string; readonly hint?: string }> {
  try {
    await resolveEdition(source, wishes);
  } catch (error) {
    return error as Error & { code: string; hint?: string };
  }
  throw new Error("expected an error");
}

/** The tags of a layout, sorted; images that only a digest names are left out. */
export function tagsIn({ roots }: Pick<Outcome, "roots">, layout: string): string[] {
  return roots
    .filter((root) => root.layout === layout)
    .flatMap(({ tags }) => tags)
    .filter((tag) => !/[0-9a-f]{64}/.test(tag))
    .sort();
}

export function packagesOf({ roots }: Pick<Outcome, "roots">): string[] {
  return [...new Set(roots.map(({ packageName }) => packageName))].sort();
}

/** Tag → digest of the channels in a layout. */
export function digestsOf(
  { roots }: Pick<Outcome, "roots">,
  layout: string,
): Record<string, string> {
  const images = roots.filter((root) => root.layout === layout);
  return Object.fromEntries(
    images.flatMap(({ tags, manifest }) => tags.map((tag) => [tag, manifest.descriptor.digest])),
  );
}

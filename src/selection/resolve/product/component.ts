import { MirrorError } from "../../../errors.ts";
import { formatReference, type RepositoryReference } from "../../../oci/reference.ts";
import type { OptionName } from "../../../option.ts";
import { ComponentDeniedError } from "../../errors.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";

/** One part of what a source offers. Components differ in how their roots are found, and in nothing else. */
export interface Component {
  /** As in: the source has no … */
  readonly name: string;
  /**
   * The flag that leaves it out, for what a bundle must not lack unnoticed: being denied is an error then. Without a flag
   * it is skipped, for not everybody may read it.
   */
  readonly without?: OptionName;
  /** Whether it is wanted at all, only if the source has it, or because a flag asks for it. */
  readonly wishOf: (selection: SourceSelection) => "no" | "if-there" | "asked";
  /** Where it would be. */
  readonly placeOf: (selection: SourceSelection) => RepositoryReference;
  /** Whether the source has it, at the price of one request that `resolve` needs anyway. */
  readonly probe: (selection: SourceSelection, reader: SourceReader) => Promise<boolean>;
  readonly resolve: (selection: SourceSelection, reader: SourceReader) => Promise<readonly Root[]>;
}

export interface ResolvedComponent {
  readonly roots: readonly Root[];
  /** What the source does not have, for one notice about all of them. */
  readonly missing?: string;
  /** Reading is not allowed: worth an error if nothing else is found. */
  readonly denied?: MirrorError;
}

/** The roots of a component. What no flag asks for may be absent: then it is skipped, and said. */
export async function resolveComponent(
  component: Component,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<ResolvedComponent> {
  const { name, without, wishOf, placeOf, probe, resolve } = component;
  const wish = wishOf(selection);
  if (wish === "no") return { roots: [] };
  if (wish === "if-there") {
    const place = formatReference(placeOf(selection));
    try {
      if (!(await probe(selection, reader))) return { roots: [], missing: `${name} ("${place}")` };
    } catch (error) {
      if (!(error instanceof MirrorError) || error.code !== "REGISTRY_DENIED") throw error;
      if (without !== undefined) throw new ComponentDeniedError({ name, place, without }, error);
      reader.notice("COMPONENT_DENIED", `Access to "${place}" is denied: no ${name} is taken`);
      return { roots: [], denied: error };
    }
  }
  return { roots: await resolve(selection, reader) };
}

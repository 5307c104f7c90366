import { compareTexts } from "../compare-texts.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { formatReference } from "../oci/reference.ts";
import type { OperationOptions } from "../store/store.ts";
import { pathBelow, type TargetPlace } from "./target.ts";

export interface ListBelowOptions extends OperationOptions {
  /** Paths below the target that are known from elsewhere. */
  readonly known: Iterable<string>;
  readonly onNotice: (notice: Notice) => void;
}

/** How registries say that they do not list their repositories. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

/** The repositories at a target and below it, as paths; sorted. Where the registry does not tell, the known ones. */
export async function listBelow(
  { target, listRepositories }: Pick<TargetPlace, "target" | "listRepositories">,
  { known, onNotice, signal }: ListBelowOptions,
): Promise<readonly string[]> {
  const found = new Set<string>(known);
  try {
    for await (const repository of listRepositories({ signal })) {
      const path = pathBelow(target, repository);
      if (path !== undefined) found.add(path);
    }
  } catch (error) {
    if (!(error instanceof MirrorError) || !REFUSALS.has(error.code)) throw error;
    const message = `"${target.registry}" does not list its repositories: below "${formatReference(target)}" only those are looked at whose names are known from elsewhere`;
    onNotice({ code: "REPOSITORIES_UNLISTED", message });
  }
  return [...found].sort(compareTexts);
}

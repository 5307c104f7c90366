import { createMemoryCache } from "../cache/content-cache.ts";
import type { Notice } from "../notice.ts";
import { parseRepositoryReference, type RepositoryReference } from "../oci/reference.ts";
import { findContents } from "../pull/plan/find-contents.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import type { Exclusion } from "../selection/resolve/exclusion.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import { pathBelow } from "../target/target.ts";
import type { Kept } from "./kept.ts";

export interface KeepSelectionOptions extends OperationOptions {
  readonly target: RepositoryReference;
  readonly openTarget: (reference: RepositoryReference) => SourceRepository;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
}

/**
 * Keeps what a pull of the selection would take if the target were its source: versions with all that they need, and the
 * release channels that point at them; and what a pull leaves out only because nothing says how old it is, since that is
 * no reason to delete it. Rejects where something of it is not there.
 */
export async function keepSelection(
  kept: Kept,
  selection: Selection,
  options: KeepSelectionOptions,
): Promise<void> {
  const { target, openTarget, signal } = options;
  const { contents, exclusions, failures } = await findContents({
    selection,
    openSource: openTarget,
    cache: createMemoryCache(),
    onEvent: () => {},
    signal,
  });
  const [failure] = failures;
  if (failure !== undefined) throw new ContentMissingError(failure.subject, failure.message);
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  for (const { origin, root, sourceDigest = root.digest, tags } of images) {
    const path = pathBelow(target, origin.repository);
    if (path !== undefined) kept.add(path, { digest: sourceDigest, tags });
  }
  keepUndated(kept, exclusions, options);
}

function keepUndated(
  kept: Kept,
  exclusions: readonly Exclusion[],
  { target, onNotice }: KeepSelectionOptions,
): void {
  for (const { repository, tag, isUndated } of exclusions) {
    const path = pathBelow(target, parseRepositoryReference(repository).repository);
    if (!isUndated || tag === undefined || path === undefined) continue;
    kept.add(path, { tags: [tag] });
    const message = `"${repository}:${tag}" is kept: nothing says when it was made`;
    onNotice?.({ code: "UNDATED_KEPT", message });
  }
}

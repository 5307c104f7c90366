import { createMemoryCache } from "../cache/content-cache.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import { findContents } from "../pull/plan/find-contents.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import { pathBelow } from "../target/target.ts";
import type { Kept } from "./kept.ts";

export interface KeepSelectionOptions extends OperationOptions {
  readonly target: RepositoryReference;
  readonly openTarget: (reference: RepositoryReference) => SourceRepository;
}

/**
 * Keeps what a pull of the selection would take if the target were its source: versions with all that they need, and the
 * release channels that point at them. Rejects where something of it is not there.
 */
export async function keepSelection(
  kept: Kept,
  selection: Selection,
  { target, openTarget, signal }: KeepSelectionOptions,
): Promise<void> {
  const { contents, failures } = await findContents({
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
}

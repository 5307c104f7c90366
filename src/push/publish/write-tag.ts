import { SYSTEM_CLOCK } from "../../io/clock.ts";
import { formatReference } from "../../oci/reference.ts";
import type { Manifest } from "../../store/store.ts";
import { TagUnconfirmedError } from "../errors.ts";
import { lookAgain, READ_BACK_WAITS_MS } from "../look-again.ts";
import type { PushMeans } from "../push-means.ts";
import type { PushPlace } from "../push-place.ts";
import { readTag } from "./read-tag.ts";

/** Writes a tag, and throws a `TagUnconfirmedError` if it is not read back as it was written. */
export async function writeTag(
  { batch: { signal }, manifests, openTarget, options }: PushMeans,
  { place, manifest, tag }: TagToWrite,
): Promise<void> {
  await manifests.put(place, manifest, tag);
  const target = openTarget(place.target);
  const { clock = SYSTEM_CLOCK } = options;
  const look = () => readTag(target, tag, { signal });
  const found = await lookAgain(look, { clock, signal, waitsMs: READ_BACK_WAITS_MS });
  const planned = manifest.descriptor.digest;
  if (found === planned) return;
  throw new TagUnconfirmedError(formatReference({ ...place.target, tag }), { planned, found });
}

export interface TagToWrite {
  readonly place: PushPlace;
  readonly manifest: Manifest;
  readonly tag: string;
}

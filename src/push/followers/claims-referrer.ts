import { isMirrorError } from "../../errors.ts";
import type { ReferrerSource } from "../../store/store.ts";
import type { PushImage } from "../plan-push.ts";
import { isFollower } from "./followers.ts";
import { isReferrer } from "./is-referrer.ts";

/**
 * Whether the target says that it has what is published for its subject, and so all below it. Where its list may not be read,
 * nothing says so: pushing may be allowed all the same.
 */
export async function claimsReferrer(
  target: ReferrerSource,
  image: PushImage,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isFollower(image) || image.tags.length > 0) return false;
  try {
    return await isReferrer(target, { ...image.root, subject: image.subject }, signal);
  } catch (error) {
    if (isMirrorError(error, "REGISTRY_DENIED")) return false;
    throw error;
  }
}

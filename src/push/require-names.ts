import type { Routes } from "../bundle/images/routes.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { option } from "../option.ts";

/** Refuses a bundle of nothing but images without a tag; beside others they are named in a notice. */
export function requireNames(bundlePath: string, { images, unnamed }: Routes): void {
  const [first] = images.length === 0 ? unnamed : [];
  if (!first) return;
  const hint =
    unnamed.length === 1
      ? `Name it with ${option("tag")}`
      : "Give each a tag of its own in its layout, or write each to a layout of its own";
  const subject = `image ${first.digest} of "${bundlePath}"`;
  throw new ContentInvalidError(subject, "it has no tag", { hint });
}

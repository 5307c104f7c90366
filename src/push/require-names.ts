import type { Routes } from "../bundle/routes.ts";
import { ContentInvalidError } from "../oci/errors.ts";

/** Refuses an archive whose images do not say where they belong: pushing the others would lose them silently. */
export function requireNames(bundlePath: string, { images, unnamed }: Routes): void {
  const bare = unnamed.find(({ tag }) => tag !== undefined);
  const first = bare ?? (images.length === 0 ? unnamed[0] : undefined);
  if (!first) return;
  const name = first.tag === undefined ? first.digest : `"${first.tag}"`;
  throw new ContentInvalidError(
    `image ${name} of "${bundlePath}"`,
    "its name says no repository, so it has no place below the target",
    {
      hint: "Write it again with the full name of each image, such as registry.example.com/acme/web:1.0, and with all its platforms",
    },
  );
}

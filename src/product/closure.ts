import { spellingsOf } from "./channel.ts";
import { INSTALLERS } from "./layouts.ts";

/** Where the version that a release image names has to be: a release channel points only at what is there. */
export interface VersionPlace {
  /** Repository path below the target. */
  readonly repository: string;
  /** Spellings of the version, the usual one first. */
  readonly tags: readonly string[];
}

/** `modules/foo/release` and v1.0.0 → `modules/foo`, tagged v1.0.0 or 1.0.0. */
export function placeOfVersion(releases: string, version: string): VersionPlace {
  return { repository: subjectOf(releases), tags: spellingsOf(version) };
}

/** Whether one of the images is the version. */
export function hasVersion(
  images: Iterable<{ readonly repository: string; readonly tags: readonly string[] }>,
  place: VersionPlace,
): boolean {
  for (const { repository, tags } of images) {
    if (repository === place.repository && tags.some((tag) => place.tags.includes(tag)))
      return true;
  }
  return false;
}

/** The repository that release images are about: that of the module, or the target itself for the platform. */
export function subjectOf(releases: string): string {
  return releases.split("/").slice(0, -1).join("/");
}

/** Whether an image is a part of what a release stands for: of the module with its extra images, of the platform with its installer. */
export function isPartOfRelease(repository: string, releases: string): boolean {
  const subject = subjectOf(releases);
  if (repository === subject) return true;
  return subject === "" ? repository === INSTALLERS : repository.startsWith(`${subject}/extra/`);
}

/** Files of a release image. */
export const VERSION_FILE = "version.json";
export const CHANGELOG_FILE = "changelog.yaml";

/** Files of a module image that list further images. */
export const IMAGES_DIGESTS_FILE = "images_digests.json";
export const EXTRA_IMAGES_FILE = "extra_images.json";

/** Files of an installer that list the images of a release; the first, of older releases, wins. */
export const INSTALLER_TAGS_FILE = "deckhouse/candi/images_tags.json";
export const INSTALLER_DIGESTS_FILE = `deckhouse/candi/${IMAGES_DIGESTS_FILE}`;

/** Files of a release image. */
export const VERSION_FILE = "version.json";
export const CHANGELOG_FILE = "changelog.yaml";

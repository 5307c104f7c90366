/** Repositories of the platform below the source and below the target. */
export const PLATFORM_RELEASES = "release-channel";
export const INSTALLERS = "install";
export const STANDALONE_INSTALLERS = "install-standalone";

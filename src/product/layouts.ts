/** Repositories of the platform, below the source and below the target. */
export const PLATFORM_RELEASES = "release-channel";
export const INSTALLERS = "install";
export const STANDALONE_INSTALLERS = "install-standalone";

/** Modules and packages: where they are, and the last segment of the repositories of their release images. */
export const MODULES = { directory: "modules", releases: "release" } as const;
export const PACKAGES = { directory: "packages", releases: "version" } as const;

export const PLUGINS_DIRECTORY = "deckhouse-cli/plugins";
export const SECURITY_DIRECTORY = "security";

/** Annotation of a descriptor in a layout: its tag. The path of the layout is the repository. */
export const SHORT_TAG = "io.deckhouse.image.short_tag";

/** Directories whose names are published as tags, so that clusters and later pulls find what there is. */
const CATALOGS = [MODULES.directory, PACKAGES.directory, PLUGINS_DIRECTORY];

export interface Member {
  readonly catalog: string;
  readonly name: string;
}

/** `modules/foo/release` → `foo` of `modules`. */
export function memberOf(repository: string): Member | undefined {
  const catalog = CATALOGS.find((directory) => repository.startsWith(`${directory}/`));
  const [name] = repository.slice((catalog?.length ?? 0) + 1).split("/");
  return catalog && name ? { catalog, name } : undefined;
}

/** Whether the images of a repository are release images, whose tags may be release channels. */
export function holdsReleases(repository: string): boolean {
  return (
    repository === PLATFORM_RELEASES ||
    // Modules may lie anywhere, packages lie in one place
    repository.endsWith(`/${MODULES.releases}`) ||
    /^packages\/[^/]+\/version$/.test(repository)
  );
}

/** Modules lie below `modulesPath` in a target; everything else keeps its path. */
export function placeModules(repository: string, modulesPath: string): string {
  const [first, ...rest] = repository.split("/");
  if (first !== MODULES.directory || rest.length === 0) return repository;
  return [modulesPath, ...rest].filter((part) => part !== "").join("/");
}

/** What old packages of `d8 mirror` leave out at the beginning of the paths of their layouts; undefined: nothing. */
export function missingPrefix(packageName: string): string | undefined {
  if (packageName === "security") return SECURITY_DIRECTORY;
  const [, module] = /^module-(.+)$/.exec(packageName) ?? [];
  return module && `${MODULES.directory}/${module}`;
}

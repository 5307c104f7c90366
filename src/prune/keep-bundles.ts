import { routesOf } from "../bundle/images/routes.ts";
import { openBundle } from "../bundle/read/bundle-reader.ts";
import { readLock } from "../lock/lock-file.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import { placeModules } from "../product/layouts.ts";
import { pathBelow } from "../target/target.ts";
import type { Kept } from "./kept.ts";

export interface KeepOptions {
  readonly target: RepositoryReference;
  readonly modulesPath: string;
}

/** What a push of the bundle publishes, and the names by which clusters find it. */
export async function keepBundle(
  kept: Kept,
  path: string,
  { target, modulesPath }: KeepOptions,
): Promise<void> {
  await using bundle = await openBundle(path);
  const modulesPathSuffix = modulesPath === "" ? "/" : modulesPath;
  const { images, discovery } = await routesOf(bundle, { target, modulesPathSuffix });
  for (const { repository, root, tags } of images) {
    kept.add(repository, { digest: root.digest, tags });
  }
  for (const { repository, tag } of discovery) {
    kept.add(pathBelow(target, repository.repository) ?? "", { tags: [tag] });
  }
}

/** What a push of a bundle of the lock publishes. */
export async function keepLock(
  kept: Kept,
  path: string,
  { modulesPath }: KeepOptions,
): Promise<void> {
  const lock = await readLock(path);
  for (const { layouts } of lock.packages) {
    for (const { repository, digest, tags } of layouts.flatMap(({ images }) => images)) {
      kept.add(placeModules(repository, modulesPath), { digest, tags });
    }
  }
}

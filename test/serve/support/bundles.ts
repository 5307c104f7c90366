import type { BuiltArtifact } from "../../../src/demo/image-builder.ts";
import { pull } from "../../../src/pull/pull.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import { memorySource } from "../../support/memory-source.ts";

/** Full names → artifacts: `docker.io/library/a:1`. */
export type NamedImages = Readonly<Record<string, BuiltArtifact>>;

/** Writes a bundle with these images under these names, in chunks that cut everything unless they are to be larger. */
export async function writeBundle(
  bundlePath: string,
  images: NamedImages,
  chunkSizeBytes = 50_001,
): Promise<void> {
  const { selection } = parseSelection({ includeImages: Object.keys(images) });
  const byRepository = new Map<string, Record<string, BuiltArtifact>>();
  for (const [name, built] of Object.entries(images)) {
    const colon = name.lastIndexOf(":");
    const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)];
    byRepository.set(repository, { ...byRepository.get(repository), [tag]: built });
  }
  const summary = await pull({
    bundlePath,
    selection,
    chunkSizeBytes,
    openSource: ({ registry, repository }) => {
      const held = byRepository.get(`${registry}/${repository}`);
      const { openSource } = memorySource(held ? { [repository]: held } : {});
      return openSource({ registry: "registry.test", repository });
    },
  });
  if (!summary.complete) throw new Error("the bundle is not complete");
}

import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import type { Digest } from "../../../src/oci/digest.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { seedModules } from "../../e2e/support/product-module.ts";
import { AMD64, ARM64, image, index, layer, seed } from "../../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";

/** Every way that content gets into a bundle, in a few small images. */
export interface SampleSource extends AsyncDisposable {
  readonly registry: FaultRegistry;
  /** A module with channels and further images, two images that share a layer, an index cut to one platform. */
  readonly wishes: ParseSelectionOptions;
  /** Some of the same images, and another one. */
  readonly otherWishes: ParseSelectionOptions;
  /** A blob of both that leaves marks in the journal. */
  readonly largeLayer: Digest;
}

/** More than what lies between two marks of the journal. */
const LARGE_BYTES = 1_300_000;

export async function startSampleSource(): Promise<SampleSource> {
  const registry = await startFaultRegistry();
  const { host } = registry;
  const shared = layer({ "shared.txt": "in two images, fetched once\n" });
  seedModules(registry, "acme", [
    {
      name: "foo",
      versions: ["v1.0.0", "v1.1.0"],
      channels: { stable: "v1.1.0" },
      internalImages: ["agent"],
      bytes: 900,
    },
  ]);
  const large = layer({ "large.bin": pseudoRandomBytes(3, 0, LARGE_BYTES) });
  const web = image({ name: "web", layers: [shared, large] });
  const platforms = [
    image({ name: "amd", platform: AMD64 }),
    image({ name: "arm", platform: ARM64 }),
  ];
  seed(registry, "acme/web", { v1: web });
  seed(registry, "acme/worker", { v1: image({ name: "worker", layers: [shared] }) });
  seed(registry, "acme/late", { v1: image({ name: "late" }) });
  seed(registry, "acme/multi", { v1: index(platforms) });
  return {
    registry,
    wishes: {
      source: `${host}/acme`,
      includeModules: ["foo@>=1.0.0"],
      includeImages: ["web", "worker", "multi"].map((name) => `${host}/acme/${name}:v1`),
      platforms: ["linux/amd64"],
    },
    otherWishes: {
      includeImages: ["web", "late", "multi"].map((name) => `${host}/acme/${name}:v1`),
      platforms: ["linux/amd64"],
    },
    largeLayer: large.descriptor.digest,
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

/** The wishes as flags. */
export function flagsOf(wishes: ParseSelectionOptions): string[] {
  const { source, includeModules = [], includeImages = [], platforms = [] } = wishes;
  return [
    ...(source === undefined ? [] : ["--source", source]),
    ...includeModules.flatMap((text) => ["-i", text]),
    ...includeImages.flatMap((text) => ["--include-image", text]),
    ...platforms.flatMap((text) => ["--platform", text]),
  ];
}

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatCanonicalJson } from "../../../src/bundle/format/canonical-json.ts";
import type { BundleManifest } from "../../../src/bundle/read/bundle-manifest.ts";
import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import { pull } from "../../../src/pull/pull.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { type ScannedEntry, scanTar } from "../../../src/tar/scan.ts";
import { AMD64, ARM64, image, index, layer } from "../../support/artifacts.ts";
import { type MemoryRepositories, memorySource } from "../../support/memory-source.ts";

/** Two versions of a module that share a layer, their release images, and an image of two platforms. */
function sampleRepositories(): MemoryRepositories {
  const shared = randomFile(9_000, 1);
  return {
    "acme/modules/foo": {
      "v1.0.0": image({ layers: [shared, randomFile(15_000, 2)] }),
      "v1.1.0": image({ layers: [shared, randomFile(25_000, 3)] }),
    },
    "acme/modules/foo/release": {
      "v1.0.0": image({ layers: 0, files: { "version.json": '{"version":"v1.0.0"}' } }),
      stable: image({ layers: 0, files: { "version.json": '{"version":"v1.1.0"}' } }),
    },
    "acme/web": {
      "2.0": index([
        image({ name: "web-amd64", platform: AMD64, layers: [randomFile(5_001, 4)] }),
        image({ name: "web-arm64", platform: ARM64, layers: [randomFile(5_003, 5)] }),
      ]),
    },
  };
}

/** A layer with one incompressible file. */
function randomFile(size: number, seed: number) {
  return layer({ [`file-${seed}`]: pseudoRandomBytes(seed, 0, size) });
}

export interface SampleOptions extends ParseSelectionOptions {
  readonly repositories?: MemoryRepositories;
  readonly chunkSizeBytes?: number;
  readonly gostDigest?: boolean;
  readonly checksums?: boolean;
  readonly force?: boolean;
}

/** Wishes for a bundle of images and nothing else. */
export const ONLY_IMAGES = {
  includeModules: [],
  noModules: true,
  noPlatform: true,
  noSecurityDb: true,
  noInstaller: true,
  noPackages: true,
} as const;

/** Pulls `module-foo` and `images` into a directory and returns the manifest. */
export async function writeSampleBundle(
  bundlePath: string,
  {
    repositories = sampleRepositories(),
    chunkSizeBytes,
    gostDigest,
    checksums,
    force,
    ...wishes
  }: SampleOptions = {},
): Promise<BundleManifest> {
  const { selection } = parseSelection({
    source: "registry.test/acme",
    includeModules: ["foo@>=1.0.0"],
    includeImages: ["registry.test/acme/web:2.0"],
    ...wishes,
  });
  const { openSource } = memorySource(repositories);
  const summary = await pull({
    bundlePath,
    selection,
    openSource,
    ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }),
    gostDigest,
    checksums,
    force,
  });
  if (!summary.complete) throw new Error(JSON.stringify(summary.failures));
  return summary.manifest;
}

/** The bytes of a package, its chunks joined. */
export async function readPackage(directory: string, files: readonly string[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(files.map((name) => readFile(join(directory, name)))));
}

/** Entries of a tar that is in memory. */
export async function entriesOf(tar: Buffer): Promise<ScannedEntry[]> {
  const entries: ScannedEntry[] = [];
  const scan = scanTar({
    size: tar.length,
    read: async (position, length) => tar.subarray(position, position + length),
    corrupt: (offset, reason) => new Error(`${offset}: ${reason}`),
  });
  for await (const entry of scan) entries.push(entry);
  return entries;
}

/** Makes `bundle.json` and `SHA256SUMS` fit the files as they are now. */
export async function resealBundle(directory: string, manifest: BundleManifest): Promise<void> {
  const packages = await Promise.all(
    manifest.packages.map(async (item) => {
      const files = await Promise.all(
        item.files.map(async ({ name }) => {
          const bytes = await readFile(join(directory, name));
          return { name, size: bytes.length, sha256: sha256(bytes) };
        }),
      );
      return { ...item, files, size: files.reduce((sum, { size }) => sum + size, 0) };
    }),
  );
  const json = formatCanonicalJson({ ...manifest, packages });
  const sums = packages.flatMap(({ files }) => files.map(({ name, sha256: sum }) => [name, sum]));
  const lines = [...sums, ["bundle.json", sha256(json)]].map(([name, sum]) => `${sum}  ${name}\n`);
  await writeFile(join(directory, "bundle.json"), json);
  await writeFile(join(directory, "SHA256SUMS"), lines.join(""));
}

export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

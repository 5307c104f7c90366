import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import { storeArtifact } from "../../../src/demo/store-artifact.ts";
import { image, layer, pushArtifacts, seed } from "../../support/artifacts.ts";

type Artifact = ReturnType<typeof image>;
type Seeded = Parameters<typeof seed>[0];

export interface ProductModule {
  readonly name: string;
  readonly versions: readonly string[];
  /** Channel → version; with channels, every version has a release image. */
  readonly channels?: Readonly<Record<string, string>> | undefined;
  /** Names of images that `images_digests.json` of each version lists. */
  readonly internalImages?: readonly string[] | undefined;
  /** Name → tag of images in repositories of their own, as `extra_images.json` of each version lists them. */
  readonly extraImages?: Readonly<Record<string, string>> | undefined;
  /** Incompressible bytes of each version's own layer; default 1000. */
  readonly bytes?: number | undefined;
}

/** Artifacts by the name they go under: tag → artifact; `untagged` is only found by digest. */
interface RepositoryArtifacts {
  readonly repository: string;
  readonly tagged: Readonly<Record<string, Artifact>>;
  readonly untagged: readonly Artifact[];
}

/** Puts modules below `<source>/modules` of an embedded registry. */
export function seedModules(
  registry: Seeded,
  source: string,
  modules: readonly ProductModule[],
): void {
  for (const { repository, tagged, untagged } of buildModules(source, modules)) {
    seed(registry, repository, tagged);
    for (const artifact of untagged)
      storeArtifact(registry.content.repository(repository), artifact);
  }
}

/** Puts modules below `<source>/modules` of any registry over plain HTTP. */
export async function pushModules(
  host: string,
  source: string,
  modules: readonly ProductModule[],
): Promise<void> {
  for (const { repository, tagged, untagged } of buildModules(source, modules)) {
    const byDigest = untagged.map((built) => [built.manifest.descriptor.digest, built] as const);
    await pushArtifacts(host, repository, { ...Object.fromEntries(byDigest), ...tagged });
  }
}

function buildModules(source: string, modules: readonly ProductModule[]): RepositoryArtifacts[] {
  const catalog = Object.fromEntries(modules.map(({ name }) => [name, image({ name })]));
  return [
    { repository: `${source}/modules`, tagged: catalog, untagged: [] },
    ...modules.flatMap((module) => buildModule(`${source}/modules/${module.name}`, module)),
  ];
}

function buildModule(repository: string, module: ProductModule): RepositoryArtifacts[] {
  const { name, versions, channels, extraImages = {}, internalImages = [] } = module;
  const internal = new Map(
    versions.map((version) => [
      version,
      Object.fromEntries(
        internalImages.map((part) => [part, image({ name: `${name} ${version} ${part}` })]),
      ),
    ]),
  );
  const tagged = Object.fromEntries(
    versions.map((version) => [
      version,
      buildVersion(module, version, internal.get(version) ?? {}),
    ]),
  );
  const release = Object.entries({
    ...Object.fromEntries(versions.map((version) => [version, version])),
    ...channels,
  }).map(([tag, version]) => [
    tag,
    image({ layers: 0, files: { "version.json": JSON.stringify({ version }) } }),
  ]);
  return [
    {
      repository,
      tagged,
      untagged: [...internal.values()].flatMap((images) => Object.values(images)),
    },
    ...(channels
      ? [{ repository: `${repository}/release`, tagged: Object.fromEntries(release), untagged: [] }]
      : []),
    ...Object.entries(extraImages).map(([extra, tag]) => ({
      repository: `${repository}/extra/${extra}`,
      tagged: { [tag]: image({ name: `${name} ${extra} ${tag}` }) },
      untagged: [],
    })),
  ];
}

/** A base layer that all versions share, bytes of the version's own, and the lists of further images. */
function buildVersion(
  { name, internalImages, extraImages, bytes = 1000 }: ProductModule,
  version: string,
  internal: Readonly<Record<string, Artifact>>,
): Artifact {
  const digests = Object.entries(internal).map(
    ([part, { manifest }]) => [part, manifest.descriptor.digest] as const,
  );
  return image({
    layers: [
      layer({ "base.bin": pseudoRandomBytes(1, 0, 2 * bytes) }),
      layer({ "own.bin": pseudoRandomBytes(seedOf(`${name} ${version}`), 0, bytes) }),
    ],
    files: {
      "version.json": JSON.stringify({ version }),
      ...(internalImages
        ? { "images_digests.json": JSON.stringify({ [name]: Object.fromEntries(digests) }) }
        : {}),
      ...(extraImages ? { "extra_images.json": JSON.stringify(extraImages) } : {}),
    },
  });
}

function seedOf(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 1_000_003, 7);
}

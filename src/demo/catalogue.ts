import { crc32 } from "node:zlib";
import type { Digest } from "../oci/digest.ts";
import type { EmbeddedRegistry } from "../server/embedded-registry.ts";
import {
  type BuiltArtifact,
  type BuiltLayer,
  buildImage,
  buildIndex,
  buildLayer,
} from "./image-builder.ts";
import { pseudoRandomBytes } from "./pseudo-random.ts";
import { storeArtifact } from "./store-artifact.ts";

/**
 * Fills a registry with the modules `foo`, `bar` and `console` below `acme` and the image `acme/web`: about 30 MB that
 * have the same digests everywhere and at all times.
 */
export function seedCatalogue({ content }: Pick<EmbeddedRegistry, "content">): void {
  const store: Store = (repository, artifact, tags = []) =>
    storeArtifact(content.repository(repository), artifact, tags);
  // What all images of the modules stand on: the largest layer, shared by all of them.
  const base = randomLayer("usr/lib/base.bin", 4096 * KIB, "base");
  for (const module of MODULES) seedModule(module, base, store);
  for (const [version, tags] of Object.entries(WEB_TAGS)) {
    store("acme/web", buildWebImage(version), tags);
  }
}

type Store = (repository: string, artifact: BuiltArtifact, tags?: readonly string[]) => void;

interface CatalogueModule {
  readonly name: string;
  readonly versions: readonly string[];
  /** Versions that are in no channel and have no release image. */
  readonly unreleased?: readonly string[];
  readonly channels: Readonly<Record<string, string>>;
  /** Images that each version needs, one set per minor version. */
  readonly internalImages: readonly string[];
  /** Per version: name → tag of images in repositories of their own. */
  readonly extraImages?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

const MODULES: readonly CatalogueModule[] = [
  {
    name: "foo",
    versions: ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1", "v2.0.0"],
    channels: {
      alpha: "v1.4.1",
      beta: "v1.4.1",
      "early-access": "v1.3.3",
      stable: "v1.3.3",
      "rock-solid": "v1.3.0",
    },
    internalImages: ["controller", "webhook"],
  },
  {
    name: "bar",
    versions: ["v0.4.2", "v0.4.4", "v0.5.3", "v0.6.1"],
    channels: { alpha: "v0.6.1", stable: "v0.5.3", lts: "v0.4.4" },
    internalImages: ["agent"],
    extraImages: {
      "v0.4.2": { scanner: 3 },
      "v0.4.4": { scanner: 3 },
      "v0.5.3": { scanner: 3 },
      "v0.6.1": { scanner: 3, enforcer: "v4.5.6" },
    },
  },
  {
    name: "console",
    versions: ["v1.0.0", "v1.1.0", "v1.2.0"],
    unreleased: ["bobV1"],
    channels: {
      alpha: "v1.2.0",
      beta: "v1.2.0",
      "early-access": "v1.1.0",
      stable: "v1.1.0",
      "rock-solid": "v1.0.0",
    },
    internalImages: ["frontend", "backend"],
  },
];

const WEB_TAGS = {
  "v1.0.0": ["v1.0.0"],
  "v2.1.0": ["v2.1.0"],
  "v2.1.4": ["v2.1.4"],
  "v3.0.0": ["v3.0.0", "latest"],
};

const KIB = 1024;

function seedModule(module: CatalogueModule, base: BuiltLayer, store: Store): void {
  const repository = `acme/modules/${module.name}`;
  store("acme/modules", buildImage({ layers: [buildLayer({ "module.txt": module.name })] }), [
    module.name,
  ]);
  for (const version of [...module.versions, ...(module.unreleased ?? [])]) {
    const internal = module.internalImages.map((name) =>
      buildInternalImage(name, module, version, base),
    );
    for (const image of internal) store(repository, image);
    store(repository, buildVersionImage(module, version, internal, base), [version]);
    for (const [name, tag] of Object.entries(module.extraImages?.[version] ?? {})) {
      store(`${repository}/extra/${name}`, buildExtraImage(name, tag, base), [String(tag)]);
    }
  }
  for (const version of module.versions) {
    const channels = Object.keys(module.channels).filter(
      (name) => module.channels[name] === version,
    );
    store(`${repository}/release`, buildReleaseImage(version), [version, ...channels]);
  }
}

/** The image behind a version tag: files that say which other images belong to it. */
function buildVersionImage(
  module: CatalogueModule,
  version: string,
  internal: readonly BuiltArtifact[],
  base: BuiltLayer,
): BuiltArtifact {
  const digests: Record<string, Digest> = {};
  for (const [position, image] of internal.entries()) {
    digests[module.internalImages[position] ?? ""] = image.manifest.descriptor.digest;
  }
  const extra = module.extraImages?.[version];
  return buildImage({
    layers: [
      base,
      buildLayer({
        "version.json": JSON.stringify({ version }),
        "images_digests.json": JSON.stringify({ [module.name]: digests }),
        ...(extra ? { "extra_images.json": JSON.stringify(extra) } : {}),
        "openapi/values.yaml": `module: ${module.name}\nversion: ${version}\n`,
      }),
    ],
  });
}

/** A program on the base system; its runtime changes with the minor version only, so patches share it. */
function buildInternalImage(
  name: string,
  module: CatalogueModule,
  version: string,
  base: BuiltLayer,
): BuiltArtifact {
  const minor = version.split(".").slice(0, 2).join(".");
  return buildImage({
    layers: [
      base,
      randomLayer(`usr/lib/${name}/runtime.bin`, 600 * KIB, `${module.name} ${name} ${minor}`),
      buildLayer({ [`etc/${name}/version.txt`]: `${module.name} ${version}\n` }),
    ],
    labels: { "org.opencontainers.image.version": version },
  });
}

function buildReleaseImage(version: string): BuiltArtifact {
  const changelog = `${version}:\n  fixes:\n    - summary: Everything that was broken\n`;
  return buildImage({
    layers: [
      buildLayer({ "version.json": JSON.stringify({ version }), "changelog.yaml": changelog }),
    ],
  });
}

function buildExtraImage(name: string, tag: string | number, base: BuiltLayer): BuiltArtifact {
  return buildImage({
    layers: [base, randomLayer(`opt/${name}.bin`, 900 * KIB, `${name} ${tag}`)],
  });
}

function buildWebImage(version: string): BuiltArtifact {
  const children = ["amd64", "arm64"].map((architecture) =>
    buildImage({
      layers: [
        randomLayer("usr/lib/web/server.bin", 1200 * KIB, `web ${architecture} ${version}`),
        buildLayer({ "srv/index.html": `<h1>web ${version}</h1>\n` }),
      ],
      platform: { os: "linux", architecture },
    }),
  );
  return buildIndex({ children });
}

/** A layer with one file that does not compress; the text decides its bytes. */
function randomLayer(path: string, size: number, text: string): BuiltLayer {
  return buildLayer({ [path]: pseudoRandomBytes(crc32(text), 0, size) });
}

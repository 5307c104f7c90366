import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { blob, image, layer, pushArtifacts, seed } from "./artifacts.ts";
import type { MemoryRepositories } from "./memory-source.ts";

type Artifact = ReturnType<typeof image>;
type Tagged = Record<string, Artifact>;

/**
 * - `cse`: only `lts` channels
 * - `ce`: no security databases
 * - `suspended`: the vendor suspends alpha
 * - `dev`: the platform has one tag and no channels
 * - `plain`: nothing but modules
 */
export type EditionVariant = "full" | "cse" | "ce" | "suspended" | "dev" | "plain";

/** Where everything of the edition lives; what editions share lives one level above. */
export const EDITION_ROOT = "deckhouse/ee";
const BARE_ROOT = "deckhouse";

/** A source as `reference/d8-mirror.md` §10 describes it. The same variant always has the same digests. */
export function buildEdition(variant: EditionVariant = "full"): MemoryRepositories {
  const modules = moduleRepositories(variant);
  if (variant === "plain") return modules;
  return {
    ...platformRepositories(PLATFORMS[variant]),
    ...modules,
    ...(variant === "ce" ? {} : securityRepositories()),
    ...packageRepositories(),
    ...pluginRepositories(),
    [`${BARE_ROOT}/installer`]: { latest: image({ name: "installer" }) },
  };
}

/** The edition in an embedded registry, without HTTP. */
export function seedEdition(
  registry: Parameters<typeof seed>[0],
  edition: MemoryRepositories = buildEdition(),
): void {
  for (const [repository, tagged] of Object.entries(edition)) {
    for (const [tag, built] of Object.entries(tagged)) {
      seed(registry, repository, { [nameOf(tag, built)]: built });
      if (tag.startsWith("@")) {
        registry.content.repository(repository).tags.delete(nameOf(tag, built));
      }
    }
  }
}

/** The edition in any registry, over plain HTTP. */
export async function pushEdition(
  host: string,
  edition: MemoryRepositories = buildEdition(),
): Promise<void> {
  for (const [repository, tagged] of Object.entries(edition)) {
    const named = Object.entries(tagged).map(([tag, built]) => [nameOf(tag, built), built]);
    await pushArtifacts(host, repository, Object.fromEntries(named) as Tagged);
  }
}

/** Artifacts that only a digest names have a tag with `@`. */
function nameOf(tag: string, { manifest }: Artifact): string {
  return tag.startsWith("@") ? manifest.descriptor.digest : tag;
}

export interface PlatformOptions {
  /** Channel → version. */
  readonly channels: Readonly<Record<string, string>>;
  readonly versions: readonly string[];
  readonly suspended?: readonly string[] | undefined;
  /** Tags of release images without anything behind them. */
  readonly noise?: readonly string[] | undefined;
  /** Versions that list their images by tag, as old releases do. */
  readonly byTag?: readonly string[] | undefined;
  /** Versions with a standalone installer. */
  readonly standalone?: readonly string[] | undefined;
  readonly root?: string | undefined;
}

const RELEASES = ["v1.68.9", "v1.69.4", "v1.69.5", "v1.70.0", "v1.70.3", "v1.71.0", "v1.71.2"];
const STANDALONE = ["v1.69.5", "v1.70.3", "v1.71.2", "v1.72.1"];

const FULL: PlatformOptions = {
  channels: {
    alpha: "v1.72.1",
    beta: "v1.71.2",
    "early-access": "v1.71.2",
    stable: "v1.70.3",
    "rock-solid": "v1.69.5",
  },
  versions: [...RELEASES, "v1.72.1", "v1.73.0", "pr12345"],
  noise: ["v1.72.0-rc.1", "main"],
  byTag: ["v1.69.5"],
  standalone: STANDALONE,
};

const PLATFORMS: Readonly<Record<Exclude<EditionVariant, "plain">, PlatformOptions>> = {
  full: FULL,
  ce: FULL,
  cse: { ...FULL, channels: { lts: "v1.70.3" } },
  suspended: { ...FULL, suspended: ["alpha"] },
  dev: { channels: {}, versions: ["pr17405"] },
};

/** Release images, installers and all images of the versions of a platform. */
export function platformRepositories(options: PlatformOptions): MemoryRepositories {
  const { channels, versions, byTag = [], noise = [], root = EDITION_ROOT } = options;
  const { standalone = [], suspended = [] } = options;
  const main: Tagged = {};
  const install: Tagged = {};
  const release: Tagged = {};
  for (const version of versions) {
    const images = componentImages(version);
    main[version] = image({ name: `platform ${version}` });
    for (const [name, built] of Object.entries(images)) {
      const tag = byTag.includes(version) ? tagOf(name, version) : `@${name} ${version}`;
      main[tag] = built;
    }
    const { apiserver } = images;
    if (apiserver && !byTag.includes(version)) {
      main[attestationTag(apiserver)] = image({ name: `vex of ${version}` });
    }
    install[version] = installerImage(version, images, byTag.includes(version));
  }
  for (const version of [...versions, ...noise]) release[version] = platformRelease(version);
  for (const [channel, version] of Object.entries(channels)) {
    release[channel] = platformRelease(version, suspended.includes(channel));
    const [mainImage, installer] = [main[version], install[version]];
    if (mainImage) main[channel] = mainImage;
    if (installer) install[channel] = installer;
  }
  const alone = standalone.filter((version) => versions.includes(version));
  return {
    [root]: main,
    [`${root}/install`]: install,
    [`${root}/install-standalone`]: Object.fromEntries(
      alone.map((version) => [version, image({ name: `standalone ${version}` })]),
    ),
    [`${root}/release-channel`]: release,
  };
}

const BASE = layer({ "usr/lib/base.txt": "what all images of the platform stand on\n" });

/** Five images: one is the same in all versions, one in all patches of a minor, the others are new each time. */
function componentImages(version: string): Tagged {
  const minor = version.split(".").slice(0, 2).join(".");
  const built = (name: string) => image({ layers: [BASE, layer({ [`${name}.txt`]: name })] });
  return {
    alpine: built("alpine"),
    proxy: built(`proxy ${minor}`),
    apiserver: built(`apiserver ${version}`),
    scheduler: built(`scheduler ${version}`),
    ingress: built(`ingress ${version}`),
  };
}

function installerImage(version: string, images: Tagged, isByTag: boolean): Artifact {
  const digests = Object.fromEntries(
    Object.entries(images).map(([name, { manifest }]) => [
      name,
      isByTag ? tagOf(name, version) : manifest.descriptor.digest,
    ]),
  );
  const { alpine, ...rest } = digests;
  const lists = { common: { alpine }, nodeManager: rest };
  const file = isByTag ? "images_tags.json" : "images_digests.json";
  return image({
    name: `install ${version}`,
    files: { [`deckhouse/candi/${file}`]: JSON.stringify(lists) },
  });
}

function tagOf(name: string, version: string): string {
  return `${name}-${version.replaceAll(".", "-")}`;
}

function attestationTag({ manifest }: Artifact): string {
  return `${manifest.descriptor.digest.replace(":", "-")}.att`;
}

function platformRelease(version: string, suspend = false): Artifact {
  const minor = /^v(\d+\.\d+)\./.exec(version)?.[1] ?? "0.0";
  const document = {
    version,
    suspend,
    requirements: { k8s: "1.28" },
    disruptions: { [minor]: ["ingressNginx"] },
  };
  const changelog = `candi:\n  fixes:\n    - summary: "Fixed: everything in ${version}"\n      pull_request: https://example.com/1\n`;
  const files = { "version.json": JSON.stringify(document), "changelog.yaml": changelog };
  return image({ layers: 0, files });
}

interface MemberOptions {
  readonly name: string;
  /** Path below the root. */
  readonly directory: "modules" | "packages";
  readonly versions: readonly string[];
  /** Versions without a release image. */
  readonly unreleased?: readonly string[];
  readonly channels: Readonly<Record<string, string>>;
  /** Channels whose `version.json` has no `v`. */
  readonly bare?: readonly string[];
  readonly internal?: readonly string[];
  readonly extra?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

function moduleRepositories(variant: EditionVariant): MemoryRepositories {
  const isLts = variant === "cse";
  return {
    [`${EDITION_ROOT}/modules`]: catalog("console", "neuvector", "empty-mod"),
    ...memberRepositories({
      name: "console",
      directory: "modules",
      versions: ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"],
      unreleased: ["bobV1"],
      channels: isLts
        ? { lts: "v1.3.3" }
        : {
            alpha: "v1.4.1",
            beta: "v1.4.1",
            "early-access": "v1.3.3",
            stable: "v1.3.3",
            "rock-solid": "v1.2.0",
          },
      internal: ["frontend", "backend"],
    }),
    ...memberRepositories({
      name: "neuvector",
      directory: "modules",
      versions: ["v0.4.2", "v0.4.4", "v0.5.3", "v0.6.1"],
      channels: isLts ? { lts: "v0.4.4" } : { alpha: "v0.6.1", stable: "v0.5.3", lts: "v0.4.4" },
      bare: ["alpha"],
      extra: {
        "v0.4.2": { scanner: 3 },
        "v0.4.4": { scanner: 3 },
        "v0.5.3": { scanner: 3 },
        "v0.6.1": { scanner: 3, enforcer: "v4.5.6" },
      },
    }),
  };
}

function packageRepositories(): MemoryRepositories {
  return {
    [`${EDITION_ROOT}/packages`]: catalog("postgres"),
    ...memberRepositories({
      name: "postgres",
      directory: "packages",
      versions: ["v2.0.0", "v2.1.0"],
      channels: { alpha: "v2.1.0", stable: "v2.0.0" },
      internal: ["server"],
    }),
  };
}

function memberRepositories(options: MemberOptions): MemoryRepositories {
  const { name, directory, versions, unreleased = [], channels, bare = [], extra = {} } = options;
  const repository = `${EDITION_ROOT}/${directory}/${name}`;
  const release: Tagged = {};
  for (const version of versions) release[version] = memberRelease(version);
  for (const [channel, version] of Object.entries(channels)) {
    release[channel] = memberRelease(bare.includes(channel) ? version.slice(1) : version);
  }
  const images: Tagged = {};
  for (const version of [...versions, ...unreleased]) {
    Object.assign(images, memberVersion(options, version));
  }
  const extras: Record<string, Tagged> = {};
  for (const [item, tag] of Object.values(extra).flatMap((one) => Object.entries(one))) {
    const path = `${repository}/extra/${item}`;
    extras[path] = { ...extras[path], [String(tag)]: image({ name: `${item} ${tag}` }) };
  }
  const segment = directory === "modules" ? "release" : "version";
  return { [repository]: images, [`${repository}/${segment}`]: release, ...extras };
}

function memberVersion(
  { name, internal = [], extra = {} }: MemberOptions,
  version: string,
): Tagged {
  const images: Tagged = {};
  const digests: Record<string, string> = {};
  for (const item of internal) {
    const built = image({ name: `${name} ${item} ${version}` });
    images[`@${item} ${version}`] = built;
    digests[item] = built.manifest.descriptor.digest;
    if (version === versionWithVex(name)) {
      images[attestationTag(built)] = image({ name: `vex of ${name} ${item}` });
    }
  }
  const lists = extra[version] ? { "extra_images.json": JSON.stringify(extra[version]) } : {};
  images[version] = image({
    name: `${name} ${version}`,
    files: {
      "version.json": JSON.stringify({ version }),
      "images_digests.json": JSON.stringify({ [name]: digests }),
      ...lists,
    },
  });
  return images;
}

function versionWithVex(name: string): string {
  return name === "console" ? "v1.4.1" : "v2.0.0";
}

function memberRelease(version: string): Artifact {
  return image({ layers: 0, files: { "version.json": JSON.stringify({ version }) } });
}

function catalog(...names: readonly string[]): Tagged {
  return Object.fromEntries(names.map((name) => [name, image({ name: `catalogue ${name}` })]));
}

function securityRepositories(): MemoryRepositories {
  const database = (name: string) =>
    security(name, {
      config: "application/vnd.aquasec.trivy.config.v1+json",
      layer: "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip",
    });
  return {
    [`${EDITION_ROOT}/security/trivy-db`]: { "2": database("trivy-db") },
    [`${EDITION_ROOT}/security/trivy-bdu`]: { "1": database("trivy-bdu") },
    [`${EDITION_ROOT}/security/trivy-java-db`]: { "1": database("trivy-java-db") },
    [`${EDITION_ROOT}/security/trivy-checks`]: {
      "0": security("trivy-checks", {
        config: "application/octet-stream",
        layer: "application/vnd.cncf.openpolicyagent.layer.v1.tar+gzip",
      }),
    },
  };
}

/** An artifact with media types of its own. */
function security(
  name: string,
  types: { readonly config: string; readonly layer: string },
): Artifact {
  const config = blob(types.config, Buffer.from(JSON.stringify({ name })));
  const content = blob(types.layer, Buffer.from(`the database ${name}\n`));
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    config: config.descriptor,
    layers: [content.descriptor],
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const { length: size } = bytes;
  const descriptor = { mediaType: MEDIA_TYPE.imageManifest, digest: digestOf(bytes), size };
  return { manifest: { descriptor, bytes }, blobs: [config, content], children: [] };
}

/** `stronghold` belongs to no module; `console-tool` needs the module `console`. */
function pluginRepositories(): MemoryRepositories {
  const root = `${BARE_ROOT}/deckhouse-cli/plugins`;
  const contract = (modules: readonly string[]) =>
    Buffer.from(
      JSON.stringify({
        requirements: {
          modules: { mandatory: modules.map((name) => ({ name, constraint: ">=1.3" })) },
        },
      }),
    ).toString("base64");
  const plugin = (name: string, modules: readonly string[]) =>
    image({ name, annotations: { contract: contract(modules) } });
  return {
    [root]: catalog("console-tool", "stronghold"),
    [`${root}/console-tool`]: {
      "v1.0.0": plugin("console-tool v1.0.0", ["console"]),
      "v1.1.0": plugin("console-tool v1.1.0", ["console"]),
    },
    [`${root}/stronghold`]: {
      "v0.9.0": plugin("stronghold v0.9.0", []),
      "v1.0.0": plugin("stronghold v1.0.0", []),
    },
  };
}

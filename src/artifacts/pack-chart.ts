import type { MadeArtifact, MadeContent } from "../contents/contents.ts";
import { digestOf } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import { type ChartMetadata, isRecord, textOf } from "./chart-archive.ts";
import { formatGoJson, type PackedLayer, packArtifact, sorted } from "./pack-artifact.ts";

/** A file of a Helm repository, and its address. */
export interface ChartFile {
  readonly bytes: Buffer;
  readonly address: string;
}

export interface PackChartOptions {
  readonly metadata: ChartMetadata;
  readonly archive: ChartFile;
  readonly provenance?: ChartFile | undefined;
  /** Address of the index that names them. */
  readonly namedBy: string;
}

/**
 * The artifact that `helm push` makes of an archive, byte for byte but for `org.opencontainers.image.created`: that is the
 * time of a file there, and would make another digest of the same chart (Helm 3.22, pkg/registry).
 */
export function packChart(options: PackChartOptions): MadeArtifact {
  const { metadata, archive, provenance, namedBy } = options;
  const files = [
    { ...archive, mediaType: MEDIA_TYPE.chartContent },
    ...(provenance ? [{ ...provenance, mediaType: MEDIA_TYPE.chartProvenance }] : []),
  ].map((file) => ({ ...file, digest: digestOf(file.bytes) }));
  // Helm orders them so
  files.sort((left, right) => (left.digest < right.digest ? -1 : 1));
  const layers = files.map(
    ({ mediaType, digest, bytes }): PackedLayer => ({ mediaType, digest, size: bytes.length }),
  );
  const contents = files.map(
    ({ digest, address }): MadeContent => ({ kind: "web", digest, address, namedBy }),
  );
  return packArtifact({
    head: { schemaVersion: 2 },
    config: { mediaType: MEDIA_TYPE.chartConfig, text: formatGoJson(configOf(metadata)) },
    layers,
    annotations: annotationsOf(metadata),
    contents,
  });
}

type Field = "text" | "texts" | "switch" | "map" | "maintainers" | "dependencies";

/** The fields of `Chart.yaml` that Helm knows, in its order (pkg/chart/metadata.go). */
const FIELDS: Readonly<Record<string, Field>> = {
  name: "text",
  home: "text",
  sources: "texts",
  version: "text",
  description: "text",
  keywords: "texts",
  maintainers: "maintainers",
  icon: "text",
  apiVersion: "text",
  condition: "text",
  tags: "text",
  appVersion: "text",
  deprecated: "switch",
  annotations: "map",
  kubeVersion: "text",
  dependencies: "dependencies",
  type: "text",
};

function configOf(metadata: ChartMetadata): unknown {
  return pick(metadata, FIELDS);
}

/** What is empty is left out, as Go does where it is told to. */
function pick(values: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, Field>>) {
  const entries = Object.entries(fields).map(([key, field]) => [key, READ[field](values[key])]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const READ: Readonly<Record<Field, (value: unknown) => unknown>> = {
  text: (value) => textOf(value) || undefined,
  texts: (value) => listOf(value)?.map(textOf),
  switch: (value) => value === true || undefined,
  map: (value) => (isRecord(value) && Object.keys(value).length > 0 ? textsOf(value) : undefined),
  maintainers: (value) =>
    listOf(value)?.map((one) => pick(recordOf(one), { name: "text", email: "text", url: "text" })),
  dependencies: (value) => listOf(value)?.map((one) => dependencyOf(recordOf(one))),
};

function dependencyOf(dependency: Readonly<Record<string, unknown>>): unknown {
  const imports = listOf(dependency["import-values"]);
  return {
    name: textOf(dependency["name"]),
    ...pick(dependency, { version: "text" }),
    repository: textOf(dependency["repository"]),
    ...pick(dependency, { condition: "text", tags: "texts", enabled: "switch" }),
    ...(imports ? { "import-values": imports.map(sortedDeeply) } : {}),
    ...pick(dependency, { alias: "text" }),
  };
}

/** What Helm says of a chart in a registry; annotations of the chart do not replace its name and version. */
function annotationsOf(metadata: ChartMetadata): Record<string, string> {
  const [source] = listOf(metadata["sources"]) ?? [];
  const own = {
    "org.opencontainers.image.description": textOf(metadata["description"]),
    "org.opencontainers.image.title": metadata.name,
    "org.opencontainers.image.version": metadata.version,
    "org.opencontainers.image.url": textOf(metadata["home"]),
    "org.opencontainers.image.source": textOf(source),
    "org.opencontainers.image.authors": authorsOf(listOf(metadata["maintainers"]) ?? []),
  };
  const told = Object.fromEntries(Object.entries(own).filter(([, text]) => text.trim() !== ""));
  const given = isRecord(metadata["annotations"]) ? textsOf(metadata["annotations"]) : {};
  const { "org.opencontainers.image.title": title, "org.opencontainers.image.version": version } =
    own;
  return {
    ...told,
    ...given,
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.version": version,
  };
}

function authorsOf(maintainers: readonly unknown[]): string {
  const names = maintainers.map(recordOf).map(({ name, email }) => {
    const address = textOf(email);
    return textOf(name) + (address === "" ? "" : ` (${address})`);
  });
  return names.join(", ");
}

function textsOf(map: Readonly<Record<string, unknown>>): Record<string, string> {
  return sorted(
    Object.fromEntries(Object.entries(map).map(([key, value]) => [key, textOf(value)])),
  );
}

function sortedDeeply(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedDeeply);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, below]) => [key, sortedDeeply(below)] as const);
  return sorted(Object.fromEntries(entries));
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) && value.length > 0 ? value : undefined;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

import { parseReference } from "../oci/reference.ts";
import { readArchive } from "../tar/read-archive.ts";
import { isRecord, parseYaml, textOf } from "./chart-archive.ts";

/** An image that names others in its layers, for a program of its own to follow. */
export interface NamingImage {
  /** What its makers call it, with an article. */
  readonly what: string;
  /** Files of its layers that name them; undefined: there are too many to read. */
  readonly isList: ((path: string) => boolean) | undefined;
  /** Where a reader finds them. */
  readonly place: string;
  /** References as they are written there, out of one such document. */
  readonly imagesOf: (document: Readonly<Record<string, unknown>>) => readonly string[];
}

/** By the label of their config that says so. */
const BY_LABEL: readonly (NamingImage & { readonly label: string })[] = [
  {
    label: "dev.carvel.imgpkg.bundle",
    what: "a bundle of imgpkg",
    place: ".imgpkg/images.yml",
    isList: (path) => path === ".imgpkg/images.yml",
    imagesOf: ({ images }) => fieldOfEach(images, "image"),
  },
  {
    label: "operators.operatorframework.io.bundle.mediatype.v1",
    what: "a bundle of an OLM operator",
    place: "its ClusterServiceVersion",
    isList: (path) => /(?:^|\/)[^/]*clusterserviceversion[^/]*\.ya?ml$/.test(path),
    imagesOf: ({ spec }) => imagesOfOperator(isRecord(spec) ? spec : {}),
  },
  {
    label: "io.openshift.release",
    what: "a release of OpenShift",
    place: "release-manifests/image-references",
    isList: (path) => path === "release-manifests/image-references",
    imagesOf: ({ spec }) => imagesOfStream(isRecord(spec) ? spec : {}),
  },
  ...["configs", "database"].map((kind) => ({
    label: `operators.operatorframework.io.index.${kind}.v1`,
    what: "a catalog of OLM operators",
    place: "what it lists",
    isList: undefined,
    imagesOf: () => [],
  })),
];

/** What layers that are read may expand to, together far above any that was seen. */
const EXPANDED_LIMIT_BYTES = 64 * 1024 * 1024;
const FILE_LIMIT_BYTES = 16 * 1024 * 1024;

/** Tells an image that names others by its config; undefined for all others, which are nearly all. */
export function recogniseNaming(config: Buffer): NamingImage | undefined {
  const found = BY_LABEL.find(({ label }) => config.includes(label));
  if (found === undefined) return undefined;
  const labels = labelsOf(config);
  return BY_LABEL.find(({ label }) => !["", "false", undefined].includes(labels[label]));
}

function labelsOf(config: Buffer): Readonly<Record<string, string | undefined>> {
  try {
    const document = JSON.parse(config.toString("utf8")) as { config?: { Labels?: object } };
    return { ...document.config?.Labels };
  } catch {
    // What is no document says nothing of itself
    return {};
  }
}

/**
 * The references that the lists in the layers give, each once; what is none is left to the reader of the list. Throws an error
 * of `refuse` for what cannot be read.
 */
export async function readNamedImages(
  { isList, imagesOf }: NamingImage,
  layers: AsyncIterable<Buffer>,
  refuse: (reason: string, options?: ErrorOptions) => Error,
): Promise<readonly string[]> {
  const named = new Set<string>();
  let isFound = false;
  for await (const layer of isList ? layers : []) {
    const files = await readArchive(layer, {
      wants: (path) => isList?.(path) ?? false,
      limitBytes: EXPANDED_LIMIT_BYTES,
      fileLimitBytes: FILE_LIMIT_BYTES,
      refuse,
    });
    for (const [path, bytes] of files) {
      isFound = true;
      const document = await parseYaml(bytes, path);
      for (const image of isRecord(document) ? imagesOf(document) : []) named.add(image);
    }
  }
  if (!isFound) throw refuse("it has no such file, or one that is too large");
  return [...named].filter(isReference);
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).repository !== "";
  } catch {
    return false;
  }
}

function imagesOfStream({ tags }: Record<string, unknown>): readonly string[] {
  const from = (Array.isArray(tags) ? tags : []).map((tag) => at(tag, "from"));
  return fieldOfEach(from, "name");
}

/** `relatedImages`, and those of its deployments, which older operators do not repeat there. */
function imagesOfOperator({ relatedImages, install }: Record<string, unknown>): readonly string[] {
  const deployments = at(install, "spec", "deployments");
  const pods = (Array.isArray(deployments) ? deployments : []).map((one) =>
    at(one, "spec", "template", "spec"),
  );
  const containers = pods.flatMap((pod) => [at(pod, "initContainers"), at(pod, "containers")]);
  return [relatedImages, ...containers].flatMap((list) => fieldOfEach(list, "image"));
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((found, name) => (isRecord(found) ? found[name] : undefined), value);
}

function fieldOfEach(list: unknown, field: string): readonly string[] {
  const items = Array.isArray(list) ? list : [];
  return items
    .map((item) => (isRecord(item) ? textOf(item[field]).trim() : ""))
    .filter((text) => text !== "");
}

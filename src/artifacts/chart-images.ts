import type { ChartArchive } from "./chart-archive.ts";
import { isRecord, parseYaml, textOf } from "./chart-archive.ts";
import { type ChartNode, readChartTree } from "./chart-tree.ts";
import { findValueImages } from "./value-images.ts";

/** An image that a chart names, and where. */
export interface ChartImage {
  /** As it would be pulled; what is no reference is refused by whoever takes it. */
  readonly image: string;
  /** `Chart.yaml: artifacthub.io/images`, `charts/redis/values.yaml: image`. */
  readonly place: string;
  /** `named`: the chart says that it is an image that it needs; `guess`: a value looks like one. */
  readonly basis: "named" | "guess";
}

export interface ChartImages {
  /** Each image once, at the place that says most. */
  readonly images: readonly ChartImage[];
  /** What cannot be read, and why. */
  readonly unread: readonly string[];
}

/** Annotations that list the images of a chart: of Artifact Hub, of hauler, and of Bitnami and `helm dt`. */
const ANNOTATIONS = ["artifacthub.io/images", "helm.sh/images", "images"] as const;

/** The images that a chart and the charts inside it name: in annotations, and in what they set by default. */
export async function findChartImages(
  archive: ChartArchive,
  subject: string,
): Promise<ChartImages> {
  const { nodes, unread } = await readChartTree(archive, subject);
  const found = new Map<string, ChartImage>();
  const problems = [...unread];
  const note = (one: ChartImage) => {
    if (!found.has(one.image)) found.set(one.image, one);
  };
  for (const node of nodes) {
    const { images, failed } = await readAnnotations(node);
    for (const one of images) note(one);
    problems.push(...failed);
  }
  for (const node of nodes) {
    const prefix = node.path === "" ? "" : `${node.path}/`;
    const appVersion = textOf(node.metadata["appVersion"]);
    const { images, isWhole } = findValueImages(node.values, appVersion);
    if (!isWhole) problems.push(`${prefix}values.yaml: it has too many values`);
    for (const { image, path } of images) {
      note({ image, place: `${prefix}values.yaml: ${path}`, basis: "guess" });
    }
  }
  return { images: [...found.values()], unread: problems };
}

async function readAnnotations({ metadata, path }: ChartNode) {
  const images: ChartImage[] = [];
  const failed: string[] = [];
  const { annotations } = metadata;
  for (const name of ANNOTATIONS) {
    const text = isRecord(annotations) ? textOf(annotations[name]) : "";
    if (text.trim() === "") continue;
    const place = `${path === "" ? "" : `${path}/`}Chart.yaml: ${name}`;
    const listed = await readList(text, place).catch(() => undefined);
    if (listed === undefined) failed.push(`${place}: it is no list of images`);
    for (const image of listed ?? []) images.push({ image, place, basis: "named" });
  }
  return { images, failed };
}

/** `- name: x, image: y` for each, or the images alone, in a list, on lines or between commas. */
async function readList(text: string, place: string): Promise<readonly string[] | undefined> {
  const value = await parseYaml(Buffer.from(text), place);
  if (typeof value === "string") return value.split(/[\s,]+/).filter(Boolean);
  if (!Array.isArray(value)) return undefined;
  const images = value.map((item) =>
    (isRecord(item) ? textOf(item["image"]) : textOf(item)).trim(),
  );
  return images.includes("") ? undefined : images;
}

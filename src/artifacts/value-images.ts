import { isRecord, textOf } from "./chart-archive.ts";

export interface ValueImage {
  readonly image: string;
  /** `redis.master.image`, `sidecars.0.image` */
  readonly path: string;
}

export interface ValueImages {
  readonly images: readonly ValueImage[];
  /** False: there is more than is looked at. */
  readonly isWhole: boolean;
}

type Values = Readonly<Record<string, unknown>>;

/** Maps that are looked at: more than any chart has, and few enough not to matter. */
const MAP_LIMIT = 10_000;

/**
 * Pure: what looks like an image among the default values of a chart. Templates can make anything of values, so this is a
 * guess: maps with `repository` and what goes with it, `image: name:tag`, `sidecarImage: name:tag`.
 */
export function findValueImages(values: Values, appVersion: string): ValueImages {
  const context: Context = { registry: globalRegistry(values), appVersion };
  const images: ValueImage[] = [];
  let seen = 0;
  for (const { map, path } of mapsOf(values, [])) {
    seen += 1;
    if (seen > MAP_LIMIT) return { images, isWhole: false };
    const image = imageOfMap(map, path.at(-1) ?? "", context);
    if (image !== undefined) images.push({ image, path: path.join(".") });
    for (const [key, text] of imagesOfTexts(map, context)) {
      images.push({ image: text, path: [...path, key].join(".") });
    }
  }
  return { images, isWhole: true };
}

interface FoundMap {
  readonly map: Values;
  readonly path: readonly string[];
}

/** A value and all maps in it, the outer ones first; what nests more deeply than the parser lets it is not there. */
function* mapsOf(value: unknown, path: readonly string[]): Generator<FoundMap> {
  if (typeof value !== "object" || value === null) return;
  if (isRecord(value)) yield { map: value, path };
  for (const [key, below] of Object.entries(value)) yield* mapsOf(below, [...path, key]);
}

interface Context {
  /** Where all images come from, where the chart says that; else empty. */
  readonly registry: string;
  readonly appVersion: string;
}

/** `global.imageRegistry` of Bitnami and those who follow it. */
function globalRegistry({ global }: Values): string {
  if (!isRecord(global)) return "";
  const { image } = global;
  return textOf(global["imageRegistry"]) || (isRecord(image) ? textOf(image["registry"]) : "");
}

/** `repository` (or `name`, below a key that speaks of images), `tag`, `registry` and `digest`. */
function imageOfMap(map: Values, key: string, { registry, appVersion }: Context) {
  const isImage = /image/i.test(key);
  const repository = textOf(map["repository"]) || (isImage ? textOf(map["name"]) : "");
  const isMeant = isImage || ["tag", "digest", "pullPolicy", "registry"].some((one) => one in map);
  if (!isMeant || !isName(repository)) return undefined;
  const host = registry || textOf(map["registry"]);
  const digest = textOf(map["digest"]) || textOf(map["sha"]);
  const tag = textOf(map["tag"]) || (digest === "" ? appVersion : "");
  const named = host === "" ? repository : `${host.replace(/\/+$/, "")}/${repository}`;
  const tagged = hasVersion(named) || tag === "" ? named : `${named}:${tag}`;
  if (digest === "") return tagged;
  return `${tagged}@${digest.includes(":") ? digest : `sha256:${digest}`}`;
}

/** `image: name:tag`, `sidecarImage: name` with `sidecarImageTag` or `imageTag` beside it. */
function imagesOfTexts(
  map: Values,
  { appVersion }: Context,
): readonly (readonly [string, string])[] {
  return Object.entries(map).flatMap(([key, value]) => {
    const isImage = key === "image" || key.endsWith("Image");
    if (!isImage || typeof value !== "string" || !isName(value)) return [];
    if (hasVersion(value)) return [[key, value] as const];
    const tagKey = [`${key}Tag`, "imageTag", "tag"].find((one) => one in map);
    const tag = tagKey === undefined ? "" : textOf(map[tagKey]) || appVersion;
    return [[key, tag === "" ? value : `${value}:${tag}`] as const];
  });
}

/** Whether a text can be the name of an image: no address, no template, no sentence. */
function isName(text: string): boolean {
  return text !== "" && !/[\s{}]|:\/\//.test(text);
}

function hasVersion(name: string): boolean {
  return name.includes("@") || name.includes(":", name.lastIndexOf("/") + 1);
}

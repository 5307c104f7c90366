import { loadTextFormats } from "../formats/text-formats.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { readArchive } from "../tar/read-archive.ts";

/** Largest archive that is read, and what it may expand to: what Helm takes. */
export const CHART_LIMIT_BYTES: number = 100 * 1024 * 1024;

/** Largest file of a chart: what Helm takes. */
const FILE_LIMIT_BYTES = 5 * 1024 * 1024;

/** A chart, as far as it is of interest here. */
export interface ChartArchive {
  readonly metadata: ChartMetadata;
  /** `Chart.yaml`, `values.yaml`, and all of `charts/`, by their path in the chart. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** `Chart.yaml`, with a name and a version. */
export interface ChartMetadata extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
}

/** Reads the archive of a chart; `subject` is for messages. */
export async function readChart(bytes: Buffer, subject: string): Promise<ChartArchive> {
  const found = await readArchive(bytes, {
    wants: (path) =>
      /^(?!\.\.\/)[^/]+\/(?:Chart\.yaml|values\.yaml|requirements\.yaml|charts\/.+)$/.test(path),
    limitBytes: CHART_LIMIT_BYTES,
    fileLimitBytes: FILE_LIMIT_BYTES,
    refuse: (reason, options) => new ContentInvalidError(subject, reason, options),
  });
  // All lies below one directory, which has any name
  const files = new Map(
    [...found].map(([path, content]) => [path.slice(path.indexOf("/") + 1), content]),
  );
  return { files, metadata: await readMetadata(files, subject) };
}

/** `Chart.yaml` of a chart or of one inside it, as Helm understands it. */
export async function readMetadata(
  files: ReadonlyMap<string, Buffer>,
  subject: string,
): Promise<ChartMetadata> {
  const bytes = files.get("Chart.yaml");
  if (bytes === undefined) throw new ContentInvalidError(subject, "it has no Chart.yaml");
  const metadata = await parseYaml(bytes, `Chart.yaml of ${subject}`);
  if (!isRecord(metadata)) throw new ContentInvalidError(subject, "its Chart.yaml is no map");
  const [name, version] = [textOf(metadata["name"]), textOf(metadata["version"])];
  if (name === "" || version === "") {
    throw new ContentInvalidError(subject, "its Chart.yaml has no name or no version");
  }
  const apiVersion = textOf(metadata["apiVersion"]) || "v1";
  // Charts of Helm 2 have them in a file of their own
  const required = apiVersion === "v1" ? files.get("requirements.yaml") : undefined;
  const others = required && (await parseYaml(required, `requirements.yaml of ${subject}`));
  const { dependencies } = isRecord(others) ? others : metadata;
  return { ...metadata, name, version, apiVersion, dependencies };
}

/** A document of a chart; `CONTENT_INVALID` if it cannot be read. */
export async function parseYaml(bytes: Buffer, subject: string): Promise<unknown> {
  const { yaml } = await loadTextFormats();
  try {
    return yaml.parseMerged(bytes.toString("utf8"));
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new ContentInvalidError(subject, `it is not YAML: ${reason}`, { cause });
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of YAML as programs in Go read it into a text; empty for what is none. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Where labels and the time of an image can be: its config, the config of the container that built it, annotations. */
export const LABEL_SOURCES = ["config", "container_config", "annotations"] as const;

export type LabelSource = (typeof LABEL_SOURCES)[number];

/** What each of them says; sources that say nothing are missing. */
export type LabelSources = Readonly<Partial<Record<LabelSource, Labels>>>;

interface Labels {
  /** As it is written. */
  readonly created?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Labels that say when an image was made; the first one counts. */
const TIME_LABELS = ["org.opencontainers.image.created", "org.label-schema.build-date"];

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Of a config, as far as there is one, and of annotations, of which the first win. */
export function sourcesOf(
  config: Buffer | undefined,
  annotations: readonly (Readonly<Record<string, string>> | undefined)[],
): LabelSources {
  const fields = config === undefined ? {} : parseFields(config);
  const written = fields["created"];
  const own = typeof written === "string" && !isNoTime(written) ? written : undefined;
  const merged: Record<string, string> = Object.assign({}, ...annotations.toReversed());
  return {
    ...entry("config", labelsOf(fields["config"]), own),
    ...entry("container_config", labelsOf(fields["container_config"])),
    ...entry("annotations", merged),
  };
}

export interface ReadLabels {
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of what should be a time and is none. */
  readonly badTimes: readonly string[];
}

/** The first source that has a label, or a time, wins. */
export function readLabels(sources: LabelSources, order: readonly LabelSource[]): ReadLabels {
  const labels: Record<string, string> = Object.assign(
    {},
    ...order.toReversed().map((name) => sources[name]?.labels ?? {}),
  );
  const badTimes: string[] = [];
  for (const name of order) {
    const source = sources[name];
    for (const [where, text] of timesIn(name, source)) {
      if (isNoTime(text)) continue;
      const time = RFC_3339.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
      if (!Number.isNaN(time)) return { created: new Date(time).toISOString(), labels, badTimes };
      badTimes.push(`${where} "${text}"`);
    }
  }
  return { labels, badTimes };
}

function timesIn(name: LabelSource, source: Labels | undefined): (readonly [string, string])[] {
  const { created, labels = {} } = source ?? {};
  const own = created === undefined ? [] : [["created", created] as const];
  const labeled = TIME_LABELS.flatMap((label) => {
    const text = labels[label];
    return text === undefined ? [] : [[label, text] as const];
  });
  return name === "config" ? [...own, ...labeled] : labeled;
}

function entry(
  name: LabelSource,
  labels: Readonly<Record<string, string>>,
  created?: string | undefined,
): LabelSources {
  const isEmpty = Object.keys(labels).length === 0;
  if (isEmpty && created === undefined) return {};
  return {
    [name]: { ...(created === undefined ? {} : { created }), ...(isEmpty ? {} : { labels }) },
  };
}

/** A config that is no JSON says nothing here: whoever runs it is told by its runtime. */
function parseFields(config: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(config.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  const labels = (value as { readonly Labels?: unknown } | null | undefined)?.Labels;
  if (typeof labels !== "object" || labels === null) return {};
  const texts = Object.entries(labels).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(texts) as Readonly<Record<string, string>>;
}

/**
 * What is written where there is no time: the zero of Go, and what builds write whose images are always the same: the first
 * second of Unix (jib, ko, Bazel, Nix), and that of ZIP (Cloud Native Buildpacks).
 */
const NO_TIME = /^(?:0001-01-01T00:00:00|1970-01-01T00:00:0[01]|1980-01-01T00:00:0[01])(?:\.0+)?Z$/;

function isNoTime(text: string): boolean {
  return NO_TIME.test(text);
}

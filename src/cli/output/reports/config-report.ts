import type { Notice } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { formatCount } from "../units.ts";

export interface ConfigReport {
  readonly schemaVersion: 1;
  readonly mediaType: string;
  readonly path: string;
  /** For all bundles and commands; secrets are left out. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly bundles: readonly CheckedBundle[];
  readonly notices: readonly Notice[];
}

export interface CheckedBundle {
  readonly bundle: string;
  /** What it pins, in place of what it finds. */
  readonly lock?: string;
  /** The wishes, as `bundle.json` has them. */
  readonly selection: object;
  readonly notices: readonly Notice[];
}

/** What a file would do, bundle by bundle. */
export function renderConfig({ bundles, path, settings }: ConfigReport): string {
  const lines = bundles.flatMap(({ bundle, lock, notices, selection }) => [
    `mirror pull ${bundle}`,
    ...(lock === undefined ? [] : [`  exactly what "${lock}" pins`]),
    ...describe(selection).map((line) => `  ${line}`),
    ...notices.map(({ message }) => `  notice: ${message}`),
  ]);
  const keys = Object.keys(settings);
  return [
    ...lines,
    ...(keys.length > 0 ? [`for all: ${keys.join(", ")}`] : []),
    `"${path}" is in order: ${formatCount(bundles.length, "bundle")}.`,
    "",
  ]
    .map(sanitize)
    .join("\n");
}

/** What is taken of a source, and nothing without one. */
const COMPONENTS: ReadonlySet<string> = new Set([
  ...["platform", "installer", "security", "modules", "packages"],
]);

/** `modules: console, neuvector`: what is asked for, one line each. */
function describe(selection: object): readonly string[] {
  return Object.entries(selection).flatMap(([key, value]) => {
    if (COMPONENTS.has(key) && !value.enabled) return [];
    const shown = shortOf(value);
    return shown === "" ? [] : [`${key}: ${shown}`];
  });
}

function shortOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(shortOf).filter(Boolean).join(", ");
  if (typeof value !== "object" || value === null) return value === true ? "yes" : String(value);
  const { text, name, registry, repository } = value as Record<string, unknown>;
  if (typeof text === "string") return text;
  if (typeof name === "string") return name;
  if (typeof registry === "string" && typeof repository === "string") {
    return `${registry}/${repository}`;
  }
  const fields = Object.entries(value).filter(([key]) => key !== "enabled");
  return fields.length === 0
    ? "all"
    : fields.map(([key, field]) => `${key} ${shortOf(field)}`).join("; ");
}

import type { TagRow, TagsReport } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { type Column, renderTable } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";

const COLUMNS: readonly Column[] = [
  { title: "TAG" },
  { title: "DIGEST" },
  { title: "CREATED" },
  { title: "SIZE", align: "right" },
  { title: "TYPE" },
  { title: "SIGNED" },
  { title: "PLATFORMS" },
];

/** Old enough to be said. */
const AGE_SHOWN_MS = 60_000;

/** A table of the tags, those that are left out below it, and how old all that is. */
export function renderTags(report: TagsReport, now: number): string {
  const { failures, lastError, repository, tags, totals } = report;
  const shown = tags.filter(({ excluded }) => excluded === undefined);
  const left = tags.flatMap(({ tag, excluded }) =>
    excluded === undefined ? [] : [{ tag, excluded }],
  );
  const table = shown.length === 0 ? "" : `${renderTable(COLUMNS, shown.map(toCells))}\n`;
  const lines = [
    ...left.map(({ tag, excluded }) => `${sanitize(tag)}: excluded: ${sanitize(excluded)}`),
    `${sanitize(repository)}: ${shown.length} of ${formatCount(totals.tags, "tag")}${describeAge(report, now)}`,
    ...(failures.length === 0 ? [] : [`${formatCount(failures.length, "tag")} could not be read`]),
    ...(lastError === undefined
      ? []
      : [`the registry could not be asked: ${sanitize(lastError.message)}`]),
  ];
  return `${table}${lines.join("\n")}\n`;
}

function toCells(row: TagRow): readonly string[] {
  if (row.excluded !== undefined) return [];
  const { created, digest, platforms, signed, size, tag, type } = row;
  return [
    tag,
    shortDigest(digest),
    created?.slice(0, 16).replace("T", " ") ?? "-",
    size === undefined ? "-" : formatBytes(size),
    type,
    signed === undefined ? "-" : signed ? "yes" : "no",
    platforms.join(" ") || "-",
  ];
}

/** Of what is oldest. */
function describeAge({ listedAt, requests, tags }: TagsReport, now: number): string {
  const times = tags.flatMap((row) => (row.excluded === undefined ? [row.lastFetched] : []));
  const [oldest = listedAt] = [listedAt, ...times].sort();
  const age = now - Date.parse(oldest);
  if (age < AGE_SHOWN_MS) return "";
  const asked = requests === 0 ? "; nothing was asked for, --refresh does" : "";
  return `, as of ${formatDuration(age / 1000)} ago${asked}`;
}

import { compareTexts } from "../compare-texts.ts";
import { parsePolicyVersion } from "../versions/tag-policy.ts";
import { compareVersions } from "../versions/version.ts";
import type { TagOrder } from "./read-tags-options.ts";

/** What an order looks at. */
interface Sortable {
  readonly tag: string;
  /** RFC 3339 */
  readonly created?: string | undefined;
}

/** Newest first by version or by time, or by name. */
export function sortRows<Row extends Sortable>(rows: readonly Row[], order: TagOrder): Row[] {
  switch (order) {
    case "name":
      return rows.toSorted((left, right) => compareTexts(left.tag, right.tag));
    case "created":
      return rows.toSorted(
        (left, right) =>
          compareTexts(right.created ?? "", left.created ?? "") ||
          compareTexts(right.tag, left.tag),
      );
    case "semver":
      return sortByVersion(rows);
  }
}

/** Of equal versions the longer spelling is newer: `1.10.0` before `1.10`. What is no version comes last, by name. */
function sortByVersion<Row extends Sortable>(rows: readonly Row[]): Row[] {
  const read = rows.map((row) => ({ row, version: parsePolicyVersion(row.tag) }));
  return read
    .sort((left, right) => {
      if (left.version === undefined || right.version === undefined) {
        const order = Number(left.version === undefined) - Number(right.version === undefined);
        return order || compareTexts(left.row.tag, right.row.tag);
      }
      return (
        compareVersions(right.version, left.version) ||
        right.row.tag.length - left.row.tag.length ||
        compareTexts(right.row.tag, left.row.tag)
      );
    })
    .map(({ row }) => row);
}

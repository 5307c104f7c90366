import { sanitize } from "./sanitize.ts";

export interface Column {
  readonly title: string;
  readonly align?: "right";
}

/** Columns as wide as their widest cell, two spaces apart, no space at line ends. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(sanitize))];
  const widths = columns.map((_, index) =>
    cells.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), 0),
  );
  const lines = cells.map((row) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? "";
        const width = widths[index] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

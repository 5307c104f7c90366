import { renderTable } from "../table.ts";
import { formatBytes } from "../units.ts";

export interface PackageRow {
  readonly name: string;
  readonly size: number;
  readonly files: readonly unknown[];
  readonly images: readonly unknown[];
}

/** One line per package and one for all of them. */
export function renderPackages(packages: readonly PackageRow[]): string {
  const total = {
    name: "total",
    size: packages.reduce((sum, { size }) => sum + size, 0),
    files: packages.flatMap(({ files }) => files),
    images: packages.flatMap(({ images }) => images),
  };
  return renderTable(
    [
      { title: "package" },
      { title: "images", align: "right" },
      { title: "files", align: "right" },
      { title: "size", align: "right" },
    ],
    [...packages, total].map(({ name, images, files, size }) => [
      name,
      String(images.length),
      String(files.length),
      formatBytes(size),
    ]),
  );
}

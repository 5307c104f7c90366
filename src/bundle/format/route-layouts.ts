import { missingPrefix } from "../../product/layouts.ts";
import type { LayoutTable } from "./layout-table.ts";

/**
 * Decides where the layouts of a foreign package go. The path in the package is the path in the registry, but old
 * packages of `d8 mirror` leave out its beginning: `module-<name>.tar` lacks `modules/<name>/`, `security.tar` lacks
 * `security/`. There the file name says what is missing.
 */
export function routeLayouts(packageName: string, layouts: Iterable<LayoutTable>): void {
  const tables = [...layouts];
  const prefix = missingPrefix(packageName);
  if (prefix === undefined || tables.some(({ path }) => isBelow(path, prefix))) return;
  for (const table of tables) {
    table.repository = table.path === "" ? prefix : `${prefix}/${table.path}`;
  }
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

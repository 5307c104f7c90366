import type { Root } from "./root.ts";
import type { SourceSelection } from "./selection.ts";
import type { SourceReader } from "./source-reader.ts";

export async function resolvePlugins(
  _selection: SourceSelection,
  _roots: readonly Root[],
  _reader: SourceReader,
): Promise<Root[]> {
  return [];
}

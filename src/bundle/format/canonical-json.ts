import { compareTexts } from "../../compare-texts.ts";
/** JSON with sorted keys, two spaces and a final line break: equal values have equal bytes. */
export function formatCanonicalJson(value: unknown): string {
  return `${JSON.stringify(value, sortKeys, 2)}\n`;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(entries.sort(([left], [right]) => compareTexts(left, right)));
}

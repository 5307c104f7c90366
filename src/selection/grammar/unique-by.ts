import { compareTexts } from "../../compare-texts.ts";

/** The first of all values with the same key, in the order of the keys. */
export function uniqueBy<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): Value[] {
  const merged = new Map<string, Value>();
  for (const value of values) {
    const key = keyOf(value);
    if (!merged.has(key)) merged.set(key, value);
  }
  return [...merged].sort(([left], [right]) => compareTexts(left, right)).map(([, value]) => value);
}

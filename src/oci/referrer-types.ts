import { OptionInvalidError } from "../errors.ts";
import type { ManifestDocument } from "./manifest.ts";

/** Types of referrers that are wanted; `*` stands for any characters. Sorted, each once. */
export function parseReferrerTypes(patterns: readonly string[]): string[] {
  for (const pattern of patterns) {
    if (/^[A-Za-z0-9!#$&^_.+*/-]{1,255}$/.test(pattern)) continue;
    throw new OptionInvalidError("referrerTypes", `"${pattern}" is not a media type`, {
      hint: 'Write a type such as "application/spdx+json", where * stands for any characters',
    });
  }
  return [...new Set(patterns)].sort();
}

/** Whether one of the types is wanted; without patterns all are. */
export function isWantedType(patterns: readonly string[], types: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => types.some((type) => matches(pattern, type)));
}

/** Linear in the text, whatever the pattern. */
function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}

/** What can be asked for: the type of a referrer, and where it has none the types of what it holds. */
export function typesOf(document: ManifestDocument): readonly string[] {
  if (document.artifactType) return [document.artifactType];
  if (document.kind !== "manifest") return [];
  const { config, layers } = document;
  return [config.mediaType, ...layers.map(({ mediaType }) => mediaType)];
}

import { compareTexts } from "../../compare-texts.ts";

/** Names that are worth suggesting. */
const SUGGESTIONS = 3;

/** The names that look most like the wanted one, best first; empty if none looks like it. */
export function nearestNames(wanted: string, names: Iterable<string>): string[] {
  const target = wanted.toLowerCase();
  const allowed = Math.max(2, Math.floor(wanted.length / 3));
  const ranked: { name: string; distance: number }[] = [];
  for (const name of new Set(names)) {
    const candidate = name.toLowerCase();
    const contains =
      target.length > 2 && (candidate.includes(target) || target.includes(candidate));
    const distance = editDistance(target, candidate);
    if (distance <= allowed || (contains && candidate.length > 2)) ranked.push({ name, distance });
  }
  return ranked
    .sort((a, b) => a.distance - b.distance || compareTexts(a.name, b.name))
    .slice(0, SUGGESTIONS)
    .map(({ name }) => name);
}

/** Insertions, deletions and replacements between two texts (Levenshtein), one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (right[column - 1] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

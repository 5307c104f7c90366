/** A key of a map with nothing behind it: `nginx:`, `"nginx":`. */
const KEY = /^(?:"([^"\\]+)"|'([^']+)'|([A-Za-z0-9][\w.-]*)):[ \t]*(?:#.*)?$/;

/** What lets one part of a document mean another one: anchors, directives, several documents. */
const ENTANGLED =
  /(?:^[ \t]*|[:?-][ \t]+|[[{,][ \t]*)&[\w-]|^%|^---[ \t]*\S|^---[\s\S]*^---|^\.\.\./m;

const ENTRIES = /^(?:entries|"entries"|'entries'):/;

/**
 * The entries of an index, chart by chart, as texts `name:` and below. Undefined where the text has a form that is not known
 * well enough to cut it, or a name is there twice: then it has to be parsed as a whole.
 *
 * The lines of an entry lie deeper than its key, or begin with a dash: so says the specification of block collections
 * (YAML 1.2.2, 8.2), also of scalars over several lines.
 */
export function cutSection(text: string): ReadonlyMap<string, string> | undefined {
  const lines = text.split(/\r?\n/);
  const start = lines.findIndex((line) => ENTRIES.test(line));
  const isBlock = /:[ \t]*(?:#.*)?$/.test(lines[start] ?? "");
  const isTwice = lines.some((line, at) => at > start && ENTRIES.test(line));
  if (!isBlock || isTwice || ENTANGLED.test(text)) return undefined;
  const below = lines.slice(start + 1);
  const end = below.findIndex((line) => /^[^\s#-]/.test(line));
  return cutEntries(end < 0 ? below : below.slice(0, end));
}

function cutEntries(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const sections = new Map<string, string[]>();
  let indent: number | undefined;
  let section: string[] | undefined;
  for (const line of lines) {
    const content = line.trimStart();
    const depth = line.length - content.length;
    const isBlank = content === "" || content.startsWith("#");
    if (!isBlank) indent ??= depth;
    if (isBlank || depth > (indent ?? 0) || (depth === indent && content.startsWith("- "))) {
      section?.push(line);
      continue;
    }
    const [, double, single, plain] = KEY.exec(content) ?? [];
    const name = double ?? single ?? plain;
    if (depth !== indent || name === undefined || sections.has(name)) return undefined;
    section = [line];
    sections.set(name, section);
  }
  return new Map([...sections].map(([name, part]) => [name, part.join("\n")]));
}

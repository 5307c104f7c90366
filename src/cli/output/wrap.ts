/** What continued lines begin with. */
const INDENT = "  ";

/** Breaks a line at spaces so that a terminal shows all of it; a word that is longer than a line is broken too. */
export function wrap(text: string, columns: number): string {
  const width = Math.max(20, columns);
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const room = width - (lines.length > 0 ? INDENT.length : 0);
    const end = rest.length <= room ? rest.length : endOfLine(rest, room);
    lines.push((lines.length > 0 ? INDENT : "") + rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines.join("\n");
}

function endOfLine(text: string, room: number): number {
  const space = text.lastIndexOf(" ", room);
  return space > 0 ? space : room;
}

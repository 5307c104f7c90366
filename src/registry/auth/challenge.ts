/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1); scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Parses header lines with any number of challenges each: quoted values with commas and escapes, empty list
 * members and token68 values are read; what cannot be read ends its line.
 */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap(parseLine);
}

/** The challenge to answer: Bearer before Basic; undefined if there is neither. */
export function selectChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => {
    return scheme === "bearer" && parameters.has("realm");
  });
  return bearer ?? challenges.find(({ scheme }) => scheme === "basic");
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SEPARATOR = /[\s,]*/y;
const PARAMETER = new RegExp(
  `(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))(?=[\\s,]|$)`,
  "y",
);
const SCHEME = new RegExp(`(${TOKEN})(?=[\\s,]|$)`, "y");
const TOKEN68 = /\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;

function parseLine(line: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const cursor = { line, position: 0 };
  for (;;) {
    take(cursor, SEPARATOR);
    const current = challenges.at(-1);
    const parameter = current && take(cursor, PARAMETER);
    if (current && parameter) {
      const [, name = "", quoted, plain = ""] = parameter;
      const key = name.toLowerCase();
      // the first of two equal names counts
      if (!current.parameters.has(key)) {
        current.parameters.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain);
      }
      continue;
    }
    const scheme = take(cursor, SCHEME)?.[1];
    if (scheme === undefined) return challenges;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    take(cursor, TOKEN68);
  }
}

function take(cursor: { line: string; position: number }, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = cursor.position;
  const match = pattern.exec(cursor.line);
  if (match) cursor.position = pattern.lastIndex;
  return match;
}

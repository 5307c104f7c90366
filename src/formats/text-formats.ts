/** Reading and writing of the text formats that other programs are configured with. */
export interface TextFormats {
  readonly toml: TextFormat;
  readonly yaml: TextFormat & {
    /** Every document of a file. */
    parseAll(text: string): unknown[];
    /** One document of a program that merges maps with `<<`; keys given twice and aliases that multiply are refused. */
    parseMerged(text: string): unknown;
  };
  readonly json: TextFormat;
}

export interface TextFormat {
  /** Throws a plain error whose message is the parser's. */
  parse(text: string): unknown;
  /** Ends with a line break; the same value gives the same text. */
  stringify(value: unknown): string;
}

let formats: Promise<TextFormats> | undefined;

/** Loads the parsers, once: only few commands need them, the others start without. */
export function loadTextFormats(): Promise<TextFormats> {
  formats ??= createTextFormats();
  return formats;
}

async function createTextFormats(): Promise<TextFormats> {
  const [toml, yaml] = await Promise.all([import("smol-toml"), import("yaml")]);
  const parseYaml = (text: string) => yaml.parse(text, { logLevel: "error" }) as unknown;
  return {
    toml: {
      parse: (text) => toml.parse(text),
      stringify: (value) => `${toml.stringify(value).trimEnd()}\n`,
    },
    yaml: {
      parse: parseYaml,
      // A line is never folded: some readers of these files take one line for one value
      stringify: (value) => yaml.stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }),
      parseMerged: (text) => yaml.parse(text, { logLevel: "error", merge: true }) as unknown,
      parseAll: (text) =>
        [yaml.parseAllDocuments(text, { logLevel: "error" })].flat().map((document) => {
          const [error] = document.errors;
          if (error) throw error;
          return document.toJS() as unknown;
        }),
    },
    json: {
      parse: (text) => JSON.parse(text) as unknown,
      stringify: (value) => `${JSON.stringify(value, null, 2)}\n`,
    },
  };
}

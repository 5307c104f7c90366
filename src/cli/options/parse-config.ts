import {
  nearestNames,
  type PositionedDocument,
  parsePositionedYaml,
  YamlError,
  type YamlPosition,
} from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { BUNDLE_KEY, BUNDLES_KEY, type ConfigKeys, SCHEMA_KEY } from "./config-keys.ts";
import { expandVariables } from "./expand-variables.ts";
import type { Flag } from "./flag.ts";

/** What a configuration file says. */
export interface Config {
  readonly path: string;
  /** Flag → value, for every command. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly bundles: readonly ConfigBundle[];
}

/** One bundle of the file: what it says goes before the settings. */
export interface ConfigBundle {
  readonly bundle: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ParseConfigOptions {
  readonly path: string;
  readonly keys: ConfigKeys;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** YAML or JSON → settings. A key that no command knows is refused: a misspelled key would be a silent loss. */
export async function parseConfig(text: string, options: ParseConfigOptions): Promise<Config> {
  const document = await parseDocument(text, options.path);
  return new Reader(document, options).read();
}

async function parseDocument(text: string, path: string): Promise<PositionedDocument> {
  try {
    return await parsePositionedYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    // not chained: what a parser says may quote the file, which may hold a password
    throw new UsageError(
      `Cannot use configuration file "${path}"${format(error.position)}: ${error.message}`,
    );
  }
}

type Path = readonly (string | number)[];

class Reader {
  readonly #document: PositionedDocument;
  readonly #options: ParseConfigOptions;

  constructor(document: PositionedDocument, options: ParseConfigOptions) {
    this.#document = document;
    this.#options = options;
  }

  read(): Config {
    const { keys, path } = this.#options;
    // An empty file says nothing, and that is allowed
    const value = this.#document.value ?? {};
    if (!isMap(value)) throw this.#refuse([], "it is not a map of keys and values");
    const { [BUNDLES_KEY]: bundles = [], [SCHEMA_KEY]: _schema, ...settings } = value;
    if (!Array.isArray(bundles)) {
      throw this.#refuse([BUNDLES_KEY], `"${BUNDLES_KEY}" is not a list`);
    }
    const own = [BUNDLES_KEY, SCHEMA_KEY];
    return {
      path,
      settings: this.#readSettings(settings, { at: [], flags: keys.settings, own }),
      bundles: this.#distinct(bundles.map((item, index) => this.#readBundle(item, index))),
    };
  }

  #readBundle(item: unknown, index: number): ConfigBundle {
    const at = [BUNDLES_KEY, index];
    if (!isMap(item)) throw this.#refuse(at, "a bundle is a map of keys and values");
    const { [BUNDLE_KEY]: bundle, ...settings } = item;
    if (typeof bundle !== "string" || bundle === "") {
      const where = BUNDLE_KEY in item ? [...at, BUNDLE_KEY] : at;
      throw this.#refuse(where, `"${BUNDLE_KEY}" has to name the directory of the bundle`);
    }
    const { bundle: flags } = this.#options.keys;
    return {
      bundle: this.#expand(bundle, [...at, BUNDLE_KEY]),
      settings: this.#readSettings(settings, { at, flags, own: [BUNDLE_KEY] }),
    };
  }

  /** Two pulls into one directory would replace each other. */
  #distinct(bundles: readonly ConfigBundle[]): readonly ConfigBundle[] {
    bundles.forEach(({ bundle }, index) => {
      if (bundles.findIndex((other) => other.bundle === bundle) === index) return;
      throw this.#refuse([BUNDLES_KEY, index, BUNDLE_KEY], `the bundle "${bundle}" is named twice`);
    });
    return bundles;
  }

  #readSettings(
    settings: Readonly<Record<string, unknown>>,
    {
      at,
      flags,
      own,
    }: {
      readonly at: Path;
      readonly flags: ReadonlyMap<string, Flag>;
      readonly own: readonly string[];
    },
  ): Readonly<Record<string, unknown>> {
    const entries = Object.entries(settings).map(([key, value]) => {
      const flag = flags.get(key);
      if (flag === undefined) throw this.#unknown([...at, key], key, [...flags.keys(), ...own]);
      return [key, this.#readValue(value, { key, flag, at: [...at, key] })] as const;
    });
    return Object.fromEntries(entries);
  }

  #unknown(at: Path, key: string, known: readonly string[]): UsageError {
    const near = nearestNames(key, known);
    const hint =
      near.length > 0
        ? `Did you mean ${near.join(", ")}?`
        : 'Keys are flag names without dashes in front, for example "include-module"';
    const where = at.length > 1 && this.#options.keys.settings.has(key);
    return this.#refuse(
      at,
      where ? `the key "${key}" has no effect on one bundle` : `unknown key "${key}"`,
      where ? "Put it beside the list of bundles" : hint,
    );
  }

  #readValue(
    value: unknown,
    { key, flag, at }: { readonly key: string; readonly flag: Flag; readonly at: Path },
  ): unknown {
    if (flag.type === "boolean") {
      if (typeof value === "boolean") return value;
      throw this.#refuse(at, `"${key}" is true or false`);
    }
    if (flag.type === "list" && Array.isArray(value)) {
      return value.map((item, index) => this.#readText(item, { key, flag, at: [...at, index] }));
    }
    const text = this.#readText(value, { key, flag, at });
    return flag.type === "list" ? [text] : text;
  }

  #readText(
    value: unknown,
    { key, flag, at }: { readonly key: string; readonly flag: Flag; readonly at: Path },
  ): string {
    if (flag.bare !== undefined && value === true) return flag.bare;
    if (typeof value !== "string" && typeof value !== "number") {
      const wanted = flag.type === "list" ? "a text or a list of texts" : "one text";
      throw this.#refuse(at, `"${key}" is ${wanted}`);
    }
    // Expanded where it is read: a password may have what separates its parts
    const text = key === "upstream" ? String(value) : this.#expand(String(value), at);
    if (flag.choices === undefined || flag.choices.includes(text)) return text;
    throw this.#refuse(at, `"${key}" is one of ${flag.choices.join(", ")}`);
  }

  #expand(text: string, at: Path): string {
    const { text: expanded, unset } = expandVariables(text, this.#options.env);
    if (unset.length === 0) return expanded;
    throw this.#refuse(
      at,
      `the variable ${unset.join(" and ")} is not set`,
      `Set it, or write \${NAME:-default}`,
    );
  }

  #refuse(at: Path, reason: string, hint?: string): UsageError {
    const place = format(at.length === 0 ? undefined : this.#document.positionOf(at));
    const message = `Cannot use configuration file "${this.#options.path}"${place}: ${reason}`;
    return new UsageError(message, hint === undefined ? {} : { hint });
  }
}

function format(position: YamlPosition | undefined): string {
  return position === undefined ? "" : `, line ${position.line}, column ${position.column}`;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

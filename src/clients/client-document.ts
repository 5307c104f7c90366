/** A value that TOML, YAML and JSON can all hold. */
export type PlainValue = string | number | boolean | readonly PlainValue[] | PlainObject;
export interface PlainObject {
  readonly [key: string]: PlainValue;
}

/** One file of a client's configuration, before it is text. */
export interface ClientDocument {
  /** Below the directory of the runtime, with `/`. */
  readonly path: string;
  readonly content: DocumentContent;
  /** When the client sees a change. */
  readonly applies: string;
  /** Programs and versions that read the file. */
  readonly validFor: string;
  /** The file holds a password: readable by its owner only. */
  readonly isSecret?: true;
  /**
   * For files that others write too: the new value out of the one that is there. Without it the file is ours alone,
   * and one that is there is replaced and kept aside.
   */
  readonly merge?: (existing: PlainObject, ours: PlainObject) => PlainObject;
}

export type DocumentContent =
  | { readonly format: "toml" | "json"; readonly value: PlainObject }
  /** Several values are documents of one file. */
  | { readonly format: "yaml"; readonly values: readonly PlainObject[] }
  /** Formats that have no writer: nginx, Caddy, systemd, PEM, shell. `comment`: what starts a line that is none. */
  | { readonly format: "text"; readonly text: string; readonly comment?: "#" | undefined };

/** What a runtime needs: its files, and what files cannot say. */
export interface ClientDocuments {
  readonly documents: readonly ClientDocument[];
  /** What has to be done beside the files, one sentence each. */
  readonly steps?: readonly string[] | undefined;
  /** What the client will not do, though it was asked for. */
  readonly notices?: readonly ClientNotice[] | undefined;
}

export interface ClientNotice {
  readonly code: "CLIENT_LIMIT" | "CLIENT_FALLBACK" | "CLIENT_SECRET";
  readonly message: string;
}

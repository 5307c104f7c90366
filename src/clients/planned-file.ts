import type { TextFormats } from "../formats/text-formats.ts";
import type { ClientDocument, DocumentContent } from "./client-document.ts";

/** One file, as text, with what its reader has to know. */
export interface PlannedFile {
  /** Below the directory of the runtime, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly mode: "0600" | "0644";
  readonly owner: "root:root";
  readonly applies: string;
  readonly validFor: string;
  /** For files that others write too. */
  readonly merge?: FileMerge | undefined;
}

export interface FileMerge {
  readonly format: "toml" | "yaml" | "json";
  /** The text out of one that others wrote; throws the parser's error if that cannot be read. */
  readonly into: (existing: string) => string;
}

/** The first line of every file of ours that can have comments. */
export const HEADER_LINE = "# Made by mirror client-config";

/** A document in its format, below a head that says where it goes. */
export function toFile(
  document: ClientDocument,
  directory: string,
  formats: TextFormats,
): PlannedFile {
  const { path, content, applies, validFor, merge } = document;
  const mode = document.isSecret ? "0600" : "0644";
  const head = [
    HEADER_LINE,
    `# File: ${directory}/${path}`,
    `# Owner: root:root, mode ${mode}`,
    `# Applies: ${applies}`,
    `# Valid for: ${validFor}`,
    "",
    "",
  ].join("\n");
  const write = (of: DocumentContent) => render(of, head, formats);
  return {
    path,
    text: write(content),
    mode,
    owner: "root:root",
    applies,
    validFor,
    ...(merge && content.format !== "text"
      ? {
          merge: {
            format: content.format,
            into: (existing) => write(mergeText(content, existing, { merge, formats })),
          },
        }
      : {}),
  };
}

function render(content: DocumentContent, head: string, formats: TextFormats): string {
  switch (content.format) {
    case "text":
      return content.comment === undefined ? content.text : head + content.text;
    case "json":
      // No place for a comment
      return formats.json.stringify(content.value);
    case "toml":
      return head + formats.toml.stringify(content.value);
    case "yaml":
      return head + content.values.map((value) => formats.yaml.stringify(value)).join("---\n");
  }
}

interface MergeTools {
  readonly merge: NonNullable<ClientDocument["merge"]>;
  readonly formats: TextFormats;
}

type Mergeable = Exclude<DocumentContent, { readonly format: "text" }>;

function mergeText(
  content: Mergeable,
  existing: string,
  { merge, formats }: MergeTools,
): Mergeable {
  const found = existing.trim() === "" ? {} : formats[content.format].parse(existing);
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new Error("it holds no table of keys");
  }
  const before = found as Parameters<typeof merge>[0];
  if (content.format !== "yaml") return { ...content, value: merge(before, content.value) };
  const [ours = {}] = content.values;
  return { ...content, values: [merge(before, ours)] };
}

import { makeFileArtifact } from "../../artifacts/make-file.ts";
import { option } from "../../option.ts";
import { SelectionInvalidError, SelectionUnmatchedError } from "../errors.ts";
import type { FileSelector, Selection } from "../grammar/selection.ts";
import { madeRoot } from "./made-root.ts";
import type { Root } from "./root.ts";
import type { SourceReader } from "./source-reader.ts";
import { allMatched } from "./unmatched.ts";

/** Files that were named by their path, each read once to know its digest. */
export async function resolveFiles(
  { files = [] }: Selection,
  reader: SourceReader,
): Promise<Root[]> {
  return await allMatched(files.map((file) => resolveFile(file, reader)));
}

async function resolveFile(
  { path, repository, tag }: FileSelector,
  reader: SourceReader,
): Promise<Root> {
  const { records } = reader;
  const made = await reader.work(path, (signal) => makeFileArtifact(path, { signal, records }));
  if (made === "absent") throw new SelectionUnmatchedError(`file "${path}"`, "it does not exist");
  if (made === "directory") {
    throw new SelectionInvalidError(`${option("includeFiles")} "${path}"`, "it is a directory", {
      hint: "Make an archive of it, for example with tar, and name that",
    });
  }
  const place = {
    packageName: "files",
    packageKind: "files",
    layout: repository,
    repository,
    tags: [tag],
    kind: "file",
    // In no registry: only a name for messages
    origin: { registry: "file", repository },
    reference: tag,
  } as const;
  return madeRoot(place, made);
}

import { join } from "node:path";
import type { ClientConfig } from "../clients/plan-client-config.ts";
import type { PlannedFile } from "../clients/planned-file.ts";
import { loadTextFormats } from "../formats/text-formats.ts";
import { decodeText } from "../io/decode-text.ts";
import { ClientConfigConflictError } from "./errors.ts";
import {
  type FoundFile,
  type InstalledFile,
  type InstallRecord,
  type MergedText,
  readFound,
  readOriginal,
  readRecord,
  sha256Of,
} from "./install-record.ts";
import { takeOut } from "./take-out.ts";

/** What becomes of one file. */
export interface FileChange {
  /** Below the directory, with `/`. */
  readonly path: string;
  readonly kind: "create" | "replace" | "merge" | "same" | "restore" | "delete";
  /** Undefined: there is no file. */
  readonly before: FoundFile | undefined;
  /** Undefined: there will be no file. */
  readonly after: Buffer | undefined;
  readonly mode: number;
  /** What others wrote under this name; undefined: nothing. */
  readonly foreign?: Buffer | undefined;
  /** For files that others write too: what is written, to tell it from theirs later. */
  readonly merged?: MergedText | undefined;
  /** The file may hold a password: its text is shown to nobody. */
  readonly isSecret: boolean;
}

/** What an installation will do, and what will be known of it afterwards. */
export interface InstallPlan {
  readonly runtime: string;
  readonly directory: string;
  readonly changes: readonly FileChange[];
  readonly earlier: InstallRecord | undefined;
}

/** Compares a configuration with a directory; writes nothing. Throws `ClientConfigConflictError`. */
export async function planInstall(config: ClientConfig, directory: string): Promise<InstallPlan> {
  const { runtime } = config;
  const earlier = await readRecord(directory, runtime);
  const changes: FileChange[] = [];
  for (const file of config.files) {
    changes.push(await planFile(file, { directory, runtime, earlier }));
  }
  const wanted = new Set(config.files.map(({ path }) => path));
  for (const file of earlier?.files ?? []) {
    if (!wanted.has(file.path)) changes.push(await planReturn(file, { directory, runtime }));
  }
  return { runtime, directory, changes, earlier };
}

/** What taking everything back will do; undefined if nothing was installed. */
export async function planRemoval(
  runtime: string,
  directory: string,
): Promise<InstallPlan | undefined> {
  const earlier = await readRecord(directory, runtime);
  if (earlier === undefined) return undefined;
  const changes: FileChange[] = [];
  for (const file of earlier.files) changes.push(await planReturn(file, { directory, runtime }));
  return { runtime, directory, changes, earlier };
}

interface InstallPlace {
  readonly directory: string;
  readonly runtime: string;
}

async function planFile(
  file: PlannedFile,
  { directory, runtime, earlier }: InstallPlace & Pick<InstallPlan, "earlier">,
): Promise<FileChange> {
  const { path } = file;
  const before = await readFound(join(directory, path));
  const known = earlier?.files.find((one) => one.path === path);
  const foreign = known ? await readForeign(known, before, { directory, runtime }) : before?.bytes;
  const after = Buffer.from(foreign ? mergeInto(file, foreign, join(directory, path)) : file.text);
  const isSame =
    before?.sha256 === sha256Of(after) && before.mode === Number.parseInt(file.mode, 8);
  return {
    path,
    kind: isSame ? "same" : !foreign ? "create" : file.merge ? "merge" : "replace",
    before,
    after,
    foreign,
    mode: Number.parseInt(file.mode, 8),
    isSecret: file.mode === "0600",
    ...(file.merge ? { merged: { format: file.merge.format, text: after.toString("utf8") } } : {}),
  };
}

function mergeInto(file: PlannedFile, foreign: Buffer, path: string): string {
  if (file.merge === undefined) return file.text;
  try {
    return file.merge.into(decodeText(foreign));
  } catch {
    throw unreadable(path);
  }
}

/** The parser's message is no cause of it: it may quote the file, which may hold passwords. */
function unreadable(path: string): ClientConfigConflictError {
  return new ClientConfigConflictError(path, "its text cannot be read, so nothing can be added", {
    hint: "Mend the file, or move it away, and run the same command again",
  });
}

/** What of a file is not ours; undefined if nothing is. */
async function readForeign(
  { path, sha256, original, merged }: InstalledFile,
  found: FoundFile | undefined,
  { directory, runtime }: InstallPlace,
): Promise<Buffer | undefined> {
  const before = original && (await readOriginal(directory, { runtime, path }));
  if (found === undefined || found.sha256 === sha256) return before;
  if (found.sha256 === original?.sha256) return before;
  if (merged === undefined) {
    const reason = "it was changed since it was written";
    throw new ClientConfigConflictError(join(directory, path), reason, {
      hint: "Take the change out of it, or move the file away, and run the same command again",
    });
  }
  const formats = await loadTextFormats();
  try {
    const texts = { original: before && decodeText(before), formats };
    const left = takeOut(decodeText(found.bytes), merged, texts);
    return left === undefined ? undefined : Buffer.from(left);
  } catch {
    throw unreadable(join(directory, path));
  }
}

/** The way back of one file, from the record alone. */
async function planReturn(known: InstalledFile, place: InstallPlace): Promise<FileChange> {
  const { path, original } = known;
  const before = await readFound(join(place.directory, path));
  const after = await readForeign(known, before, place);
  const isSame = before?.sha256 === (after && sha256Of(after));
  return {
    path,
    kind: isSame ? "same" : after ? "restore" : "delete",
    before,
    after,
    mode: original?.mode ?? before?.mode ?? 0o644,
    isSecret: true,
  };
}

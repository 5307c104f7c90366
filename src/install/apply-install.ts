import { dirname, join, relative } from "node:path";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { chmod, chown, rm } from "../io/file-system.ts";
import {
  dropRecord,
  type InstalledFile,
  keepOriginal,
  makeDirectory,
  removeEmptyDirectory,
  sha256Of,
  writeRecord,
} from "./install-record.ts";
import type { FileChange, InstallPlan } from "./plan-install.ts";

/**
 * Carries out a plan. The record and the copies of what is replaced are on the disk before the first file changes, so an
 * interrupted run can be run again, or taken back.
 */
export async function applyInstall(plan: InstallPlan): Promise<void> {
  const { directory, runtime, changes, earlier } = plan;
  const written = changes.filter(({ kind }) => kind !== "restore" && kind !== "delete");
  const files: InstalledFile[] = [];
  for (const change of written) files.push(await recordOf(change, plan));
  const leaving = earlier?.files.filter(({ path }) => !files.some((file) => file.path === path));
  const directories = earlier?.directories ?? [];
  await writeRecord(directory, {
    schemaVersion: 1,
    runtime,
    files: [...files, ...(leaving ?? [])],
    directories,
  });
  const made: string[] = [];
  for (const change of changes) made.push(...(await applyChange(change, plan)));
  await writeRecord(directory, {
    schemaVersion: 1,
    runtime,
    files,
    directories: [...new Set([...directories, ...made])],
  });
}

/** Carries out the plan of a removal: afterwards the directory is as it was. */
export async function applyRemoval(plan: InstallPlan): Promise<void> {
  const { directory, runtime, changes, earlier } = plan;
  for (const change of changes) await applyChange(change, plan);
  const made = [...(earlier?.directories ?? [])].sort((left, right) => right.length - left.length);
  for (const path of made) await removeEmptyDirectory(join(directory, path));
  await dropRecord(directory, runtime);
}

async function recordOf(change: FileChange, plan: InstallPlan): Promise<InstalledFile> {
  const { directory, runtime, earlier } = plan;
  const { path, before, after = Buffer.alloc(0), foreign, merged } = change;
  const written = { path, sha256: sha256Of(after), merged };
  if (foreign === undefined) return written;
  const known = earlier?.files.find((file) => file.path === path)?.original;
  const sha256 = sha256Of(foreign);
  if (sha256 !== known?.sha256) await keepOriginal(directory, { runtime, path }, foreign);
  const { mode, uid, gid } = known ?? before ?? DEFAULT_ACCESS;
  return { ...written, original: { sha256, mode, uid, gid } };
}

const DEFAULT_ACCESS = { mode: 0o644, uid: 0, gid: 0 };

/** Returns the directories that had to be made. */
async function applyChange(change: FileChange, plan: InstallPlan): Promise<string[]> {
  const { directory, earlier } = plan;
  const path = join(directory, change.path);
  if (change.kind === "same") return [];
  if (change.after === undefined) {
    await rm(path, { force: true });
    return [];
  }
  const first = await makeDirectory(dirname(path));
  await writeFileAtomically(path, change.after, { isPrivate: change.mode === 0o600 });
  const known = earlier?.files.find((file) => file.path === change.path);
  await setAccess(path, change, change.kind === "restore" ? known?.original : undefined);
  return first === undefined ? [] : directoriesBetween(directory, first, dirname(path));
}

async function setAccess(
  path: string,
  { mode }: FileChange,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  await chmod(path, mode);
  if (owner && process.getuid?.() === 0) await chown(path, owner.uid, owner.gid);
}

/** `first` and everything below it down to `last`, as paths below `directory`; nothing of what is above that. */
function directoriesBetween(directory: string, first: string, last: string): string[] {
  const made: string[] = [];
  for (let path = last; path.length >= first.length; path = dirname(path)) {
    const below = relative(directory, path);
    if (below !== "" && !below.startsWith("..")) made.push(below);
  }
  return made.reverse();
}

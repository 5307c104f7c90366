import { join } from "node:path";
import { PULL_STATE, STATE_DIRECTORY } from "../../bundle/format/state-directory.ts";
import type { ExtraFile, PackageContents } from "../../contents/contents.ts";
import type { Failure } from "../../failure.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { mkdir, rm } from "../../io/file-system.ts";
import { formatJsonLines, type LinedObject } from "../../io/json-lines.ts";
import { readJsonLines } from "../../io/read-json-lines.ts";
import type { Digest } from "../../oci/digest.ts";
import type { NamedChartImage } from "../../selection/resolve/charts/resolve-chart-images.ts";
import type { RecordedSelection } from "./wishes.ts";

/** `.mirror/plan.json`: what an unfinished pull is going to make. Positions follow from it (planWork is pure). */
export interface PinnedPlan {
  readonly schemaVersion: 1;
  /** Milliseconds since 1970. */
  readonly pinnedAt: number;
  readonly selection: RecordedSelection;
  /** Check sum of the lock that says what to take. */
  readonly lock?: Digest;
  readonly chunkSizeBytes?: number;
  readonly contents: readonly PackageContents[];
  readonly extraFiles?: readonly ExtraFile[];
  /** Images that could not be had when it was made: the next run looks for them again. */
  readonly failures?: readonly Failure[];
  /** What was found in charts, for the summary. */
  readonly chartImages?: readonly NamedChartImage[];
}

/** An unfinished pull is continued as it was planned for this long; tags may have moved after that. */
export const PLAN_LIFETIME_MS = 24 * 60 * 60 * 1000;

export interface StatePaths {
  readonly directory: string;
  readonly plan: string;
  readonly journal: string;
  readonly blobs: string;
  /** Files of an earlier bundle whose blobs are taken over. */
  readonly previous: string;
}

export function statePaths(bundlePath: string): StatePaths {
  const directory = join(bundlePath, STATE_DIRECTORY);
  return {
    directory,
    plan: join(directory, PULL_STATE.plan),
    journal: join(directory, PULL_STATE.journal),
    blobs: join(directory, PULL_STATE.blobs),
    previous: join(directory, PULL_STATE.previous),
  };
}

/** The plan of an unfinished pull; undefined if there is none, or if it cannot be used. */
export async function readPinnedPlan(path: string): Promise<PinnedPlan | undefined> {
  try {
    const plan = (await readJsonLines(path)) as PinnedPlan;
    return plan.schemaVersion === 1 && Array.isArray(plan.contents) ? plan : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, "ENOENT")) return undefined;
    throw storageError(error, path);
  }
}

export interface PlannedBytes {
  readonly chunkSizeBytes?: number | undefined;
  readonly contents: readonly PackageContents[];
}

/** Whether a pull of one plan can go on with the files of the other. */
export function makesSameBytes(left: PlannedBytes, right: PlannedBytes): boolean {
  if (left.chunkSizeBytes !== right.chunkSizeBytes) return false;
  const [one, other] = [left, right].map(({ contents }) => formatJsonLines(linesOf({ contents })));
  for (;;) {
    const [piece, same] = [one?.next(), other?.next()];
    if (piece?.value !== same?.value) return false;
    if (piece?.done || same?.done) return piece?.done === same?.done;
  }
}

export function isEqual(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Pins a plan; the journal beside it speaks of its tasks. */
export async function writePinnedPlan(paths: StatePaths, plan: PinnedPlan): Promise<void> {
  await writeFileAtomically(paths.plan, formatJsonLines(linesOf(plan)));
}

/** A line for each image: the plan of a large bundle is many times as long as any of its images. */
function linesOf({ contents, ...head }: Pick<PinnedPlan, "contents">): LinedObject {
  const items = contents.map(({ layouts, ...ofPackage }) => ({
    head: ofPackage,
    list: "layouts",
    items: layouts.map(({ images, ...ofLayout }) => ({
      head: ofLayout,
      list: "images",
      items: images.map((value) => ({ value })),
    })),
  }));
  return { head, list: "contents", items };
}

export async function createStateDirectory(paths: StatePaths): Promise<void> {
  try {
    await mkdir(paths.directory, { recursive: true });
  } catch (error) {
    throw storageError(error, paths.directory);
  }
}

/**
 * Removes everything a pull keeps but its lock. What takes long goes first, and the plan before the journal: as long as
 * there is a plan, the pull can go on.
 */
export async function removeState({ previous, blobs, plan, journal }: StatePaths): Promise<void> {
  for (const path of [previous, blobs, plan, journal]) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw storageError(error, path);
    }
  }
}

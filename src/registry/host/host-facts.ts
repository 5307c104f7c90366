import { FIRST_PACE, type PartPace } from "./part-pace.ts";
import { findQuirks } from "./quirks.ts";
import type { RepositoryFacts } from "./repository-facts.ts";

/** What is known about how a registry behaves; changed by what it does during the run. */
export interface HostFacts {
  /** Parts are not accepted, or cannot be resumed while one PUT works: send every blob as a whole. */
  monolithicOnly: boolean;
  /** Parts were tried and not taken: a whole blob that is too large has no other way. */
  refusesParts: boolean;
  /** Largest part that is sent. */
  partLimitBytes: number;
  /** Smallest part that is taken, except for the last one. */
  partFloorBytes: number;
  /** Size of parts as far as the line decides; undefined: it is fixed. */
  pace: PartPace | undefined;
  /** Smallest body of an upload that was refused with 413. */
  refusedBytes: number;
  /** The `Range` of its upload answers lags behind what it has: count ourselves. */
  hasLaggingRange: boolean;
  /** The state of an upload cannot be asked for: a broken part means a restart. */
  hasNoUploadStatus: boolean;
  /** HEAD of a manifest has been seen to tell the truth: a 404 needs no GET to be believed. */
  hasReliableHead: boolean;
  /** Mounts in a row that were answered with an error, or not at all. */
  failedMounts: number;
  /** Whether a whole blob may come with the request that opens an upload; one is sent to find out. */
  wholePosts: "untried" | "being tried" | "taken" | "not taken";
  /** How many small blobs went there without it. */
  smallBlobs: number;
  /** Repositories whose referrers are found only by the fallback tag: one host may have several kinds of them. */
  readonly withoutReferrersApi: Set<string>;
  readonly repositories: Map<string, RepositoryFacts>;
}

const MIB = 1024 * 1024;

/** A multiple of 10 MiB that leaves no S3 part below 5 MiB (distribution's S3 driver copies the object then). */
const PART_SIZE_BYTES = 40 * MIB;

/** Facts before the first upload: those of the row in `quirks.ts`, for registries that are known by their host. */
export function createHostFacts(registry: string, partSizeBytes?: number): HostFacts {
  const largest = partSizeBytes ?? PART_SIZE_BYTES;
  const known = findQuirks(registry)?.facts;
  return {
    monolithicOnly: false,
    refusesParts: false,
    refusedBytes: Number.POSITIVE_INFINITY,
    hasLaggingRange: false,
    hasNoUploadStatus: false,
    hasReliableHead: false,
    failedMounts: 0,
    wholePosts: "untried",
    smallBlobs: 0,
    withoutReferrersApi: new Set(),
    repositories: new Map(),
    partFloorBytes: 0,
    pace: partSizeBytes === undefined ? FIRST_PACE : undefined,
    ...known,
    partLimitBytes: Math.min(largest, known?.partLimitBytes ?? largest),
  };
}

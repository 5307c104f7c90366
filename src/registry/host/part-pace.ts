/** How large the parts of uploads to one host are: what the line carries in a few seconds. */
export interface PartPace {
  /** Of the next part. */
  readonly partBytes: number;
  /** The size of the last part that was cut off; as large ones are sent again only after others got through. */
  readonly cutBytes: number;
  /** Parts that have to get through before. */
  readonly toProve: number;
  /** The next `toProve`: grows as long as parts of that size are cut off. */
  readonly proof: number;
}

const MIB = 1024 * 1024;
const PART_MS = 4_000;
const SMALLEST_BYTES = MIB;
const LARGEST_BYTES = 40 * MIB;
/** Where registries keep blobs in an S3 store, a part below this makes them copy what they have. */
const S3_PART_BYTES = 5 * MIB;
const [FIRST_PROOF, LAST_PROOF] = [4, 64];

export const FIRST_PACE: PartPace = {
  partBytes: S3_PART_BYTES,
  cutBytes: Number.POSITIVE_INFINITY,
  toProve: 0,
  proof: FIRST_PROOF,
};

/** A part was taken: the next one has what this line carries in `PART_MS`, but at most twice as much. */
export function paceAfterPart(
  pace: PartPace,
  { bytes, ms }: { readonly bytes: number; readonly ms: number },
): PartPace {
  const isProven = bytes >= pace.cutBytes;
  const { cutBytes, proof } = isProven ? FIRST_PACE : pace;
  const toProve = Math.max(0, pace.toProve - 1);
  // the answer counts too: it is what a part takes
  const carried = ms > 0 ? (bytes / ms) * PART_MS : LARGEST_BYTES;
  const wanted = roundPart(Math.min(carried, pace.partBytes * 2));
  const isHeld = toProve > 0 && wanted >= cutBytes;
  const partBytes = isHeld ? Math.min(pace.partBytes, wanted) : wanted;
  return { partBytes, cutBytes, toProve, proof };
}

/** A connection was closed while a body was being sent: half of it has more of a chance. */
export function paceAfterCut(pace: PartPace, bytes: number): PartPace {
  // others that were cut off by the same event have seen to it, or there is nothing to halve
  if (bytes > pace.partBytes || bytes <= SMALLEST_BYTES) return pace;
  const { proof } = pace;
  return {
    partBytes: roundPart(bytes / 2),
    cutBytes: bytes,
    toProve: proof,
    proof: Math.min(proof * 2, LAST_PROOF),
  };
}

function roundPart(bytes: number): number {
  const unit = bytes < S3_PART_BYTES ? MIB : S3_PART_BYTES;
  const whole = Math.floor(bytes / unit) * unit;
  return Math.min(Math.max(whole, SMALLEST_BYTES), LARGEST_BYTES);
}

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  FIRST_PACE,
  type PartPace,
  paceAfterCut,
  paceAfterPart,
} from "../../../src/registry/host/part-pace.ts";
import { blobOf } from "../support/content.ts";
import { startSession } from "../support/session.ts";

const MIB = 1024 * 1024;

/** Sizes of parts on a line with this speed, in MiB, one after the other. */
function sizesAt(mibPerSecond: number, count: number, first: PartPace = FIRST_PACE): number[] {
  let pace = first;
  return Array.from({ length: count }, () => {
    const bytes = pace.partBytes;
    pace = paceAfterPart(pace, { bytes, ms: (bytes / MIB / mibPerSecond) * 1000 });
    return bytes / MIB;
  });
}

describe("a part of an upload", () => {
  test.each([
    [0.01, [5, 1, 1]],
    [0.6, [5, 2, 2]],
    [1.2, [5, 4, 4]],
    [1.3, [5, 5, 5]],
    [2.4, [5, 5, 5]],
    [2.6, [5, 10, 10]],
    [6, [5, 10, 20, 20]],
    [1000, [5, 10, 20, 40, 40]],
  ])("has what a line of %d MiB a second carries in four seconds", (speed, sizes) => {
    expect(sizesAt(speed, sizes.length)).toEqual(sizes);
  });

  test("doubles where no time has passed", () => {
    expect(paceAfterPart(FIRST_PACE, { bytes: 5 * MIB, ms: 0 }).partBytes).toBe(10 * MIB);
  });

  test.each([
    ["is half as large after a cut", 40 * MIB, 40 * MIB, 20 * MIB],
    ["is a whole number of MiB below 5", 5 * MIB, 5 * MIB, 2 * MIB],
    [
      "is not halved again by another transfer that was cut off with it",
      20 * MIB,
      40 * MIB,
      20 * MIB,
    ],
    ["is not smaller than 1 MiB", MIB, MIB, MIB],
    ["is not changed by the cut of what is small anyway", 40 * MIB, 1000, 40 * MIB],
  ])("%s", (_, partBytes, cutBytes, expected) => {
    expect(paceAfterCut({ ...FIRST_PACE, partBytes }, cutBytes).partBytes).toBe(expected);
  });

  test("is as large as one that was cut off only after others got through, more of them each time", () => {
    let pace: PartPace = { ...FIRST_PACE, partBytes: 10 * MIB };
    const tries = [1, 2, 3].map(() => {
      pace = paceAfterCut(pace, 10 * MIB);
      for (let taken = 0; ; taken += 1) {
        if (pace.partBytes === 10 * MIB) return taken;
        pace = paceAfterPart(pace, { bytes: pace.partBytes, ms: 1 });
      }
    });
    expect(tries).toEqual([4, 8, 16]);
    pace = paceAfterPart(pace, { bytes: 10 * MIB, ms: 1 });
    expect(pace.partBytes).toBe(20 * MIB);
  });
});

describe("push() of a large blob", () => {
  const blob = blobOf(randomBytes(24 * MIB));

  /** Sends it over a line of this speed; the time is that of the bytes. Gives the sizes of the parts in MiB. */
  async function sizesOver(mibPerSecond: number, partSizeBytes?: number) {
    await using session = await startSession({}, { partSizeBytes });
    let before = 0;
    await session.repository.push(blob.expected, blob.open, {
      onProgress: (position) => {
        session.clock.advance(((position - before) / MIB / mibPerSecond) * 1000);
        before = position;
      },
    });
    const parts = session.registry.log.find("PATCH");
    return parts.map(({ headers }) => Number(headers["content-length"]) / MIB);
  }

  test("has smaller parts on a slow line and larger ones on a fast line", async () => {
    expect(await sizesOver(0.5)).toEqual([5, ...Array.from({ length: 8 }, () => 2), ...[2]]);
    expect(await sizesOver(100)).toEqual([5, 10]);
  });

  test("has parts of the size that was asked for, however the line is", async () => {
    expect(await sizesOver(0.5, 10 * MIB)).toEqual([10, 10]);
  });
});

import { compareTexts } from "../compare-texts.ts";

interface TagShape {
  /** What stands before the numbers: nothing, `v`, `release-`. */
  readonly prefix: string;
  readonly numbers: readonly bigint[];
  readonly suffix: string;
  /** Of a pre-release, what it is: `rc` of `-rc.1`. */
  readonly stage: string | undefined;
  readonly isDate: boolean;
}

const SHAPE = /^(.*?)(\d+(?:\.\d+)*)((?:[-_+.](?!\d+$).*)?)$/;
const STAGE = /^[-.]?(alpha|beta|dev|m|pre|preview|rc)[-.]?\d*$/i;

/** Numbers of so many digits count days, or commits. */
const DATE_DIGITS = 6;

/**
 * Pure: of these tags those that are a higher version of the same shape, highest first: as many numbers with the same text
 * before and behind them. `1.27.1-alpine` has 1.27.3-alpine above it, and neither 1.27.3 nor `1.28-alpine`, which moves; a
 * pre-release has also later ones of its kind, and releases. Of a tag that is no version there is none.
 */
export function newerTags(tag: string, tags: Iterable<string>): string[] {
  const shape = shapeOf(tag);
  if (shape === undefined) return [];
  const newer: (readonly [string, TagShape])[] = [];
  for (const other of tags) {
    const found = shapeOf(other);
    if (found !== undefined && isAlike(shape, found) && compare(found, shape) > 0) {
      newer.push([other, found]);
    }
  }
  return newer
    .sort(([a, left], [b, right]) => compare(right, left) || compareTexts(a, b))
    .map(([name]) => name);
}

function shapeOf(tag: string): TagShape | undefined {
  const [, prefix = "", digits, suffix = ""] = SHAPE.exec(tag) ?? [];
  // A name with numbers in it, such as a digest, is no version
  if (digits === undefined || !/^(?:v|[a-z][a-z-]*[-_])?$/i.test(prefix)) return undefined;
  const numbers = digits.split(".");
  return {
    prefix,
    numbers: numbers.map(BigInt),
    suffix,
    stage: STAGE.exec(suffix)?.[1]?.toLowerCase(),
    isDate: (numbers[0]?.length ?? 0) >= DATE_DIGITS,
  };
}

function isAlike(wanted: TagShape, found: TagShape): boolean {
  const isSame =
    wanted.prefix === found.prefix &&
    wanted.numbers.length === found.numbers.length &&
    wanted.isDate === found.isDate;
  if (!isSame || wanted.suffix === found.suffix) return isSame;
  return wanted.stage !== undefined && (found.suffix === "" || found.stage === wanted.stage);
}

function compare(left: TagShape, right: TagShape): number {
  for (const [at, number] of left.numbers.entries()) {
    const other = right.numbers[at] ?? 0n;
    if (number !== other) return number > other ? 1 : -1;
  }
  return compareSuffixes(left.suffix, right.suffix);
}

/** A release is above its pre-releases, and of these the one with the higher number. */
function compareSuffixes(left: string, right: string): number {
  if (left === "" || right === "") return Number(left === "") - Number(right === "");
  return numberIn(left) - numberIn(right);
}

function numberIn(suffix: string): number {
  return Number(/\d+$/.exec(suffix)?.[0] ?? 0);
}

import { compareTexts } from "../compare-texts.ts";
/** A semantic version (semver.org 2.0.0). Build metadata says nothing about the order and is not kept. */
export interface Version {
  /** Major, minor, patch, up to 64 bits: some count by date and time, `0.0.20241129103028123`. */
  readonly numbers: VersionNumbers;
  /** Identifiers of the pre-release; none: a release. */
  readonly prerelease: readonly string[];
  /** `X.Y.Z[-pre-release]`; versions that compare as equal have equal texts. */
  readonly text: string;
}

export type VersionNumbers = readonly [major: bigint, minor: bigint, patch: bigint];

/** 0.0.0 */
export const LOWEST_RELEASE: Version = versionOf([0n, 0n, 0n]);

/** Numbers have no leading zeros in the identifiers of a pre-release. */
const IDENTIFIER = /^(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)$/;

const LARGEST = 2n ** 64n - 1n;

/** From digits, of which the last may be missing; undefined if a number is too large or the pre-release is malformed. */
export function createVersion(
  [major = "0", minor = "0", patch = "0"]: readonly string[],
  prerelease?: string,
): Version | undefined {
  const identifiers = prerelease?.split(".") ?? [];
  if (!identifiers.every((identifier) => IDENTIFIER.test(identifier))) return undefined;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return numbers.some((number) => number > LARGEST) ? undefined : versionOf(numbers, identifiers);
}

export function compareVersions(left: Version, right: Version): number {
  return compareNumbers(left, right, 3) || comparePrereleases(left.prerelease, right.prerelease);
}

/** Compares the first `count` numbers, and nothing else. */
export function compareNumbers(left: Version, right: Version, count: number): number {
  for (let at = 0; at < count; at += 1) {
    const [a = 0n, b = 0n] = [left.numbers[at], right.numbers[at]];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

/** `1.3` of 1.3.7 */
export function minorOf({ numbers }: Version): string {
  return numbers.slice(0, 2).join(".");
}

export type Step = "patch" | "minor" | "major";

/** The lowest release above a version that begins a new patch, minor or major version. */
export function stepVersion({ numbers, prerelease }: Version, step: Step): Version {
  const [major, minor, patch] = numbers;
  // 1.3.0-rc.1 is before the patch, and the minor version, 1.3.0
  const isBefore = prerelease.length > 0;
  switch (step) {
    case "patch":
      return versionOf([major, minor, isBefore ? patch : patch + 1n]);
    case "minor":
      return versionOf([major, isBefore && patch === 0n ? minor : minor + 1n, 0n]);
    case "major":
      return versionOf([isBefore && patch === 0n && minor === 0n ? major : major + 1n, 0n, 0n]);
  }
}

function versionOf(numbers: VersionNumbers, prerelease: readonly string[] = []): Version {
  const release = numbers.join(".");
  const text = prerelease.length === 0 ? release : `${release}-${prerelease.join(".")}`;
  return { numbers, prerelease, text };
}

/** A release is above all its pre-releases; of two that begin alike the longer is above. */
function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) {
    return Number(left.length === 0) - Number(right.length === 0);
  }
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at += 1) {
    const order = compareIdentifiers(left[at] ?? "", right[at] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Numbers are below words, and compare by value. */
function compareIdentifiers(left: string, right: string): number {
  if (left === right) return 0;
  const [a, b] = [left, right].map((text) => (/^\d+$/.test(text) ? BigInt(text) : undefined));
  if (a === undefined && b === undefined) return compareTexts(left, right);
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  return a < b ? -1 : 1;
}

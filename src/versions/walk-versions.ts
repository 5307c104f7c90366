import { type Constraint, lowestLiteralOf, satisfies, splitAlternatives } from "./constraint.ts";
import {
  compareVersions,
  LOWEST_RELEASE,
  type Step,
  stepVersion,
  type Version,
} from "./version.ts";

/**
 * The versions of a range in a source that lists no tags, found by asking for one after the other: patch by patch from
 * the lowest version that the range names, and behind the last patch the next minor, then the next major version.
 * Versions behind a hole are not found.
 *
 *   ^1.64.0, with 1.64.0 and 1.64.1 there: asks for 1.64.0, 1.64.1, 1.64.2, 1.65.0
 */
export async function walkVersions(
  constraint: Constraint,
  exists: (version: Version) => Promise<boolean>,
): Promise<Version[]> {
  const found: Version[] = [];
  for (const alternative of splitAlternatives(constraint)) {
    found.push(...(await walkAlternative(alternative, exists)));
  }
  const unique = new Map(found.map((version) => [version.text, version]));
  return [...unique.values()].sort(compareVersions);
}

const NEXT_STEP: Readonly<Record<Step, Step | undefined>> = {
  patch: "minor",
  minor: "major",
  major: undefined,
};

async function walkAlternative(
  constraint: Constraint,
  exists: (version: Version) => Promise<boolean>,
): Promise<Version[]> {
  const found: Version[] = [];
  let version = lowestLiteralOf(constraint) ?? LOWEST_RELEASE;
  // Behind an excluded lower bound (">1.0.0") comes its next patch
  if (!satisfies(constraint, version)) version = stepVersion(version, "patch");
  let step: Step | undefined = "patch";
  while (step !== undefined) {
    if (satisfies(constraint, version) && (await exists(version))) {
      found.push(version);
      step = "patch";
      version = stepVersion(version, step);
      continue;
    }
    step = NEXT_STEP[step];
    if (step !== undefined) version = stepVersion(version, step);
  }
  return found;
}

import { type Constraint, formatConstraint, parseConstraint } from "../../versions/constraint.ts";
import type { ExactPin, VersionFilter } from "./selection.ts";

export type RangeFilter = VersionFilter & { readonly kind: "range" };

/** Kept beside the text and not in it: two equal selections have equal JSON. */
const CONSTRAINTS = new WeakMap<Pick<RangeFilter, "range">, Constraint>();

export function createRangeFilter(
  constraint: Constraint,
  pins: readonly ExactPin[] = [],
): RangeFilter {
  const range = formatConstraint(constraint);
  const filter: RangeFilter = { kind: "range", range, ...(pins.length > 0 ? { pins } : {}) };
  CONSTRAINTS.set(filter, constraint);
  return filter;
}

/** What the text of a range means; it is read once. */
export function constraintOf(filter: Pick<RangeFilter, "range">): Constraint {
  const known = CONSTRAINTS.get(filter) ?? parseConstraint(filter.range);
  CONSTRAINTS.set(filter, known);
  return known;
}

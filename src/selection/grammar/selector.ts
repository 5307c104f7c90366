import { compareTexts } from "../../compare-texts.ts";
import { withoutUserInfo } from "../../oci/errors.ts";
import { isRepositoryName, isTag, parseReference } from "../../oci/reference.ts";
import { type OptionName, option } from "../../option.ts";
import { CHANNELS, isChannel } from "../../product/channel.ts";
import { joinConstraints, parseConstraint } from "../../versions/constraint.ts";
import {
  formatTagPolicy,
  isPolicyText,
  parseTagPolicy,
  type TagPolicy,
} from "../../versions/tag-policy.ts";
import { SelectionInvalidError } from "../errors.ts";
import { constraintOf, createRangeFilter } from "./range-filter.ts";
import type { ExactPin, ImageSelector, ModuleSelector, VersionFilter } from "./selection.ts";

/** What the names of an option are names of. */
export const NOUNS = {
  includeModules: "module",
  excludeModules: "module",
  includePackages: "package",
  excludePackages: "package",
  includePlugins: "plugin",
} as const;

/** An option whose values are `name[@constraint]`. */
export type MemberOption = keyof typeof NOUNS;

/** Makes the error for one selector. */
export type Refuse = (reason: string, hint?: string, cause?: unknown) => SelectionInvalidError;

/** Longer input is a mistake, and parsing it would cost time. */
const SELECTOR_LIMIT = 2048;

const EMPTY_HINT =
  'Quote the whole selector, for example "console@>=1.2": a shell takes an unquoted > or < for a redirection';
const PATH_HINT =
  "Put paths and selectors in separate arguments, and quote a selector that contains > or <";
const POLICY_HINT =
  "Write semver:~1.2, glob:2.* or regex:^[0-9]+-alpine$, and quote it: a shell takes * and $ for its own";
const FORMS_HINT =
  'Write a version (1.3.0), a range (^1.3.0, ~1.3.0, ">=1.1 <1.3") or an exact tag (=v1.3.0)';

/** Parses `name[@constraint|@policy]`; `from` is the option that errors name, and says what the name is of. */
export function parseModuleSelector(
  entry: string,
  from: MemberOption = "includeModules",
): ModuleSelector {
  const refuse = createRefuse(entry, from);
  const noun = NOUNS[from];
  const { name, constraint } = splitSelector(entry, refuse);
  if (name === "") throw refuse(`the ${noun} name is missing`, "Write name or name@constraint");
  if (!isModuleName(name)) {
    throw refuse(
      `"${name}" is not a ${noun} name`,
      name.includes("/")
        ? `Name images with ${option("includeImages")} and ${noun}s without their registry`
        : "Use lower-case letters, digits and single separators (. _ __ -)",
    );
  }
  return {
    name,
    filter: constraint === undefined ? { kind: "default" } : parseFilter(constraint, refuse),
  };
}

/** Parses `registry/repository[:tag|@digest|@constraint|@policy]`; `from` is the option that errors name. */
export function parseImageSelector(
  entry: string,
  from: OptionName = "includeImages",
): ImageSelector {
  const refuse = createRefuse(entry, from);
  if (withoutUserInfo(entry) !== entry) throw refuse("it contains a user name or a password");
  const { name: written, constraint } = splitSelector(entry.replace(/^\s*[a-z]+:\/\//, ""), refuse);
  if (written === "") throw refuse("the image name is missing", "Write registry/repository[:tag]");
  const name = written.replace(/:[^:/]*$/, asTag);
  const text = entry.trim();
  if (constraint === undefined || isDigestLike(constraint)) {
    const digest = constraint === undefined ? "" : `@${constraint}`;
    return { text, reference: parseReference(name + digest), filter: { kind: "default" } };
  }
  const reference = parseReference(name);
  if (reference.tag !== undefined) {
    throw refuse(
      "it has both a tag and a constraint",
      `Drop ":${reference.tag}" or the constraint`,
    );
  }
  if (!isExact(constraint)) return { text, reference, filter: parseFilter(constraint, refuse) };
  const tag = parseTag(asTag(constraint.slice(1)), refuse);
  return { text, reference: { ...reference, tag }, filter: { kind: "default" } };
}

/** Parses a constraint without a name: a range or one exact tag; `from` is the option that errors name. */
export function parseVersionFilter(text: string, from: OptionName): VersionFilter {
  const refuse = createRefuse(text, from);
  const constraint = withoutQuotes(text);
  if (constraint === "") throw refuse("the constraint is empty", EMPTY_HINT);
  return parseFilter(constraint, refuse);
}

/** The name of a module is a tag of the catalogue and one segment of a repository path. */
export function isModuleName(name: string): boolean {
  return isTag(name) && isRepositoryName(name);
}

/** Parses a policy without a name, as `from` has it: `glob:*-rc*`; what names no kind is a glob. */
export function parsePolicy(text: string, from: OptionName): TagPolicy {
  return readPolicy(withoutQuotes(text), createRefuse(text, from));
}

/** What either filter takes (D5); a filter that says nothing vanishes beside one that does. */
export function mergeFilters(left: VersionFilter, right: VersionFilter): VersionFilter {
  const policies = mergePolicies([left, right]);
  if (policies !== undefined) {
    const exact = mergePins([...exactPinsOf(left), ...exactPinsOf(right)]);
    return { kind: "policy", policies, ...(exact.length > 0 ? { pins: exact } : {}) };
  }
  const ranges = [left, right].filter((filter) => filter.kind === "range").map(constraintOf);
  const pins = mergePins([...exactPinsOf(left), ...exactPinsOf(right)]);
  if (ranges.length > 0) return createRangeFilter(joinConstraints(ranges), pins);
  return pins.length > 0 ? { kind: "exact", pins } : { kind: "default" };
}

/** The exact tags of a filter. */
export function exactPinsOf(filter: VersionFilter): readonly ExactPin[] {
  return filter.kind === "default" ? [] : (filter.pins ?? []);
}

/** Undefined: neither filter has a policy. A range beside one is a policy too. */
function mergePolicies(filters: readonly VersionFilter[]): readonly TagPolicy[] | undefined {
  if (!filters.some(({ kind }) => kind === "policy")) return undefined;
  const all = filters.flatMap((filter): readonly TagPolicy[] => {
    if (filter.kind === "policy") return filter.policies;
    return filter.kind === "range" ? [{ kind: "range", pattern: filter.range }] : [];
  });
  return sortPolicies(all);
}

/** Each once, in one order. */
export function sortPolicies(policies: readonly TagPolicy[]): readonly TagPolicy[] {
  const unique = new Map(policies.map((policy) => [formatTagPolicy(policy), policy]));
  return [...unique]
    .sort(([left], [right]) => compareTexts(left, right))
    .map(([, policy]) => policy);
}

function mergePins(pins: readonly ExactPin[]): ExactPin[] {
  const unique = new Map(pins.map((pin) => [`${pin.tag}+${pin.channel}`, pin]));
  return [...unique.entries()].sort(([a], [b]) => compareTexts(a, b)).map(([, pin]) => pin);
}

export function createRefuse(entry: string, from: OptionName): Refuse {
  const refuse: Refuse = (reason, hint, cause) =>
    new SelectionInvalidError(`${option(from)} "${withoutUserInfo(entry)}"`, reason, {
      hint,
      cause,
    });
  if (entry.length > SELECTOR_LIMIT) {
    throw new SelectionInvalidError(
      `${option(from)} "${entry.slice(0, 40)}…"`,
      `it is longer than ${SELECTOR_LIMIT} characters`,
    );
  }
  return refuse;
}

/** Splits at the first `@`. Quotes around the constraint are the user's: a file or variable keeps them. */
export function splitSelector(
  entry: string,
  refuse: Refuse,
): { name: string; constraint?: string } {
  const at = entry.indexOf("@");
  if (at < 0) return { name: entry.trim() };
  const name = entry.slice(0, at).trim();
  const constraint = withoutQuotes(entry.slice(at + 1));
  if (constraint === "") throw refuse("the constraint behind @ is empty", EMPTY_HINT);
  return { name, constraint };
}

function withoutQuotes(text: string): string {
  return text
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2")
    .trim();
}

function isDigestLike(text: string): boolean {
  return !isPolicyText(text) && /^[A-Za-z0-9+._-]+:/.test(text);
}

export function isExact(constraint: string): boolean {
  return /^=(?![<>])/.test(constraint);
}

/** A tag has no `+`: Helm, and who follows it, writes `_` for the `+` of a version. */
export function asTag(version: string): string {
  return version.replaceAll("+", "_");
}

function readPolicy(text: string, refuse: Refuse): TagPolicy {
  try {
    return parseTagPolicy(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw refuse(cause.message, POLICY_HINT, cause);
  }
}

export function parseFilter(constraint: string, refuse: Refuse): VersionFilter {
  if (isPolicyText(constraint))
    return { kind: "policy", policies: [readPolicy(constraint, refuse)] };
  if (isExact(constraint)) {
    return { kind: "exact", pins: [parsePin(constraint.slice(1), refuse)] };
  }
  if (/[/\\]|^\.+$/.test(constraint)) {
    throw refuse(`"${constraint}" looks like a path, not like a version`, PATH_HINT);
  }
  try {
    return createRangeFilter(parseConstraint(constraint));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const hint = isTag(constraint)
      ? `Write "=${constraint}" for exactly this tag, and quote a constraint that contains > or <`
      : FORMS_HINT;
    throw refuse(cause.message, hint, cause);
  }
}

function parseTag(text: string, refuse: Refuse): string {
  const tag = text.trim();
  if (isTag(tag)) return tag;
  throw refuse(
    tag === "" ? "the tag behind = is empty" : `"${tag}" is not a tag`,
    "Repeat the selector to name several tags, and write ranges without a leading =",
  );
}

/** `tag[+channel]`, without the leading `=`. */
function parsePin(text: string, refuse: Refuse): ExactPin {
  const plus = text.indexOf("+");
  const tag = parseTag(plus < 0 ? text : text.slice(0, plus), refuse);
  if (plus < 0) return { tag, channel: "all" };
  const channel = text.slice(plus + 1).trim();
  if (!isChannel(channel)) {
    throw refuse(
      `"${channel}" is not a release channel`,
      `Use one of ${CHANNELS.join(", ")}, or drop the part from + on`,
    );
  }
  return { tag, channel };
}

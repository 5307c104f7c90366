import { RE2JS } from "re2js";
import {
  type Constraint,
  formatConstraint,
  parseConstraint,
  parseExactConstraint,
  satisfies,
} from "./constraint.ts";
import { parseImageVersion, parseVersion } from "./tag-version.ts";
import { createVersion, type Version } from "./version.ts";

/**
 * Which tags are meant. `range` is what stands behind a bare `@` (docs/versions.md); the others say their kind: `semver`
 * as Masterminds has it, `glob` with `*`, `regex` in the syntax of RE2, which fits anywhere in a tag.
 */
export interface TagPolicy {
  readonly kind: PolicyKind;
  readonly pattern: string;
}

type PolicyKind = "range" | "semver" | "glob" | "regex";

export type TagMatcher = (tag: string) => boolean;

/** Kinds that a text can name. */
const NAMED_KINDS: Readonly<Record<string, PolicyKind>> = {
  semver: "semver",
  glob: "glob",
  regex: "regex",
  regexp: "regex",
};

/** A tag has 128 characters; what is much longer is a mistake, and compiling it would cost time. */
const PATTERN_LIMIT = 512;

/** Whether a text says that it is a policy: `glob:2.*`. */
export function isPolicyText(text: string): boolean {
  return /^(?:semver|glob|regexp?):/.test(text);
}

/** `semver:~1.2`, `glob:2.*`, `regex:^\d+-alpine$`; what names no kind is a glob. Throws `SyntaxError` with the reason. */
export function parseTagPolicy(text: string): TagPolicy {
  const trimmed = text.trim();
  const [, name = "glob", rest = trimmed] = /^(semver|glob|regexp?):(.*)$/s.exec(trimmed) ?? [];
  const kind = NAMED_KINDS[name] ?? "glob";
  const pattern = rest.trim();
  if (pattern === "") throw new SyntaxError(`the pattern behind ${name}: is empty`);
  if (pattern.length > PATTERN_LIMIT) {
    throw new SyntaxError(`the pattern is longer than ${PATTERN_LIMIT} characters`);
  }
  const policy: TagPolicy = {
    kind,
    pattern: kind === "semver" ? formatConstraint(parseExactConstraint(pattern)) : pattern,
  };
  createTagMatcher(policy);
  return policy;
}

/** As a user would write it. */
export function formatTagPolicy({ kind, pattern }: TagPolicy): string {
  return kind === "range" ? pattern : `${kind}:${pattern}`;
}

/** Whether versions decide, so that the newest tag is the one of the highest version. */
export function isVersionPolicy({ kind }: TagPolicy): boolean {
  return kind === "range" || kind === "semver";
}

/** `parse`: which tags are versions, for ranges. Throws `SyntaxError` for a pattern that cannot be read. */
export function createTagMatcher(
  { kind, pattern }: TagPolicy,
  parse: (tag: string) => Version | undefined = parseVersion,
): TagMatcher {
  switch (kind) {
    case "range":
      return createVersionMatcher(parseConstraint(pattern), parse);
    case "semver":
      return createVersionMatcher(parseExactConstraint(pattern), parsePolicyVersion);
    case "glob":
      return createGlobMatcher(pattern);
    case "regex":
      return createRegexMatcher(pattern);
  }
}

/**
 * As `parseImageVersion`, and `1` and `v1` are versions too: who writes `semver:` means tags that are versions, however few
 * numbers they have.
 */
export function parsePolicyVersion(tag: string): Version | undefined {
  const [, major] = /^v?(\d+)$/.exec(tag) ?? [];
  return major === undefined ? parseImageVersion(tag) : createVersion([major]);
}

function createVersionMatcher(
  constraint: Constraint,
  parse: (tag: string) => Version | undefined,
): TagMatcher {
  return (tag) => {
    const version = parse(tag);
    return version !== undefined && satisfies(constraint, version);
  };
}

/** `*` stands for any text, all else for itself. The parts between are looked for from left to right: no way back. */
export function createGlobMatcher(pattern: string): TagMatcher {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first) || text.length < first.length + last.length) return false;
    let position = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, position);
      if (found < 0) return false;
      position = found + part.length;
    }
    return position <= text.length - last.length && text.endsWith(last);
  };
}

/** The time that RE2 takes grows with the length of the tag only: no pattern makes it try again and again. */
function createRegexMatcher(pattern: string): TagMatcher {
  const compiled = compileRegex(pattern);
  return (tag) => compiled.test(tag);
}

function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(
      reason.replace("error parsing regexp: ", "it is no expression of RE2: "),
      {
        cause,
      },
    );
  }
}

import { isTag } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { parseVersion } from "../../versions/tag-version.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import type { PlatformReleases, Selection } from "./selection.ts";
import { parseVersionFilter } from "./selector.ts";

/** What the user said about the platform, as text. */
export interface PlatformWishes {
  /** Oldest release to take. */
  readonly sinceVersion?: string | undefined;
  /** A channel, a version or any tag. */
  readonly platformTag?: string | undefined;
  /** One constraint. */
  readonly includePlatform?: string | undefined;
  readonly noPlatform?: boolean | undefined;
  readonly ignoreSuspend?: boolean | undefined;
}

export interface ParsedPlatform {
  readonly platform: Selection["platform"];
  /** The option that asks for the platform, as texts name it. */
  readonly option?: string | undefined;
  readonly notices: readonly SelectionNotice[];
}

const CHOICES = ["platformTag", "sinceVersion", "includePlatform"] as const;

export function parsePlatformReleases(wishes: PlatformWishes, hasSource: boolean): ParsedPlatform {
  const given = CHOICES.filter((name) => wishes[name] !== undefined).map(option);
  const releases = parseReleases(wishes, given);
  const { noPlatform = false, ignoreSuspend = false } = wishes;
  const enabled = hasSource && !noPlatform;
  return {
    platform: { enabled, releases: enabled ? releases : { kind: "channels" }, ignoreSuspend },
    option: noPlatform ? undefined : given[0],
    notices: noPlatform
      ? given.map((name) => ({
          code: "PLATFORM_OPTION_IGNORED",
          message: `${name} has no effect: ${option("noPlatform")} leaves the platform out`,
        }))
      : [],
  };
}

function parseReleases(
  { sinceVersion, platformTag, includePlatform }: PlatformWishes,
  given: readonly string[],
): PlatformReleases {
  const [first, second] = given;
  if (first !== undefined && second !== undefined) {
    throw new SelectionInvalidError(
      `${first} and ${second}`,
      "using both at the same time is ambiguous",
      { hint: "Drop one of them" },
    );
  }
  if (platformTag !== undefined) return parseTag(platformTag);
  if (includePlatform !== undefined) return parseInclude(includePlatform);
  if (sinceVersion !== undefined) return { kind: "channels", since: parseSince(sinceVersion) };
  return { kind: "channels" };
}

function parseTag(text: string): PlatformReleases {
  const tag = text.trim();
  if (!isTag(tag)) {
    throw new SelectionInvalidError(`${option("platformTag")} "${text}"`, "it is not a tag", {
      hint: "Write a release channel (stable), a version (v1.70.3) or any other tag",
    });
  }
  return { kind: "tag", tag, channel: "all" };
}

function parseInclude(text: string): PlatformReleases {
  const filter = parseVersionFilter(text, "includePlatform");
  if (filter.kind === "range") return { kind: "range", range: filter.range };
  if (filter.kind === "policy") {
    throw new SelectionInvalidError(
      `${option("includePlatform")} "${text}"`,
      "releases of the platform are chosen by a range of versions",
      { hint: 'Write a range as ">=1.69 <=1.71"' },
    );
  }
  const [pin] = filter.kind === "exact" ? filter.pins : [];
  if (pin === undefined) throw new Error("a constraint is a range or an exact tag");
  return { kind: "tag", ...pin };
}

/** One to three numbers, a pre-release and build metadata, which says nothing about the order. */
function parseSince(text: string): string {
  const bare = text.trim().replace(/\+[0-9A-Za-z.-]+$/, "");
  const version = parseVersion(/^v?\d+$/.test(bare) ? `${bare}.0` : bare);
  if (version !== undefined) return version.text;
  throw new SelectionInvalidError(`${option("sinceVersion")} "${text}"`, "it is not a version", {
    hint: "Write a version such as 1.70.0",
  });
}

import { ContentInvalidError } from "../oci/errors.ts";
import { isTag } from "../oci/reference.ts";
import { parseVersion } from "../versions/tag-version.ts";
import { parseJsonObject } from "./parse-json-object.ts";

/** Release channels, from the least to the most proven; `lts` exists in some sources only. */
export const CHANNELS = ["alpha", "beta", "early-access", "stable", "rock-solid", "lts"] as const;

export type Channel = (typeof CHANNELS)[number];

/** What `version.json` of a release image says. */
export interface ChannelRelease {
  /** Tag of the version, with its `v`. */
  readonly version: string;
  /** The vendor asks not to roll this release out. */
  readonly isSuspended: boolean;
}

export function isChannel(text: string): text is Channel {
  return (CHANNELS as readonly string[]).includes(text);
}

/** The tags that the version of a release image may have: sources publish some without `v`. */
export function spellingsOf(version: string): readonly string[] {
  return [...new Set([version, version.replace(/^v(?=\d)/, "")])];
}

/** Parses `version.json`; `subject` names it in errors. The `v` of a version may be missing. */
export function parseChannelRelease(bytes: Uint8Array, subject: string): ChannelRelease {
  const document = parseJsonObject(bytes, subject);
  const { version, suspend } = document;
  if (typeof version !== "string") {
    throw new ContentInvalidError(subject, "version is missing or no string");
  }
  const tag = !version.startsWith("v") && parseVersion(version) ? `v${version}` : version;
  if (!isTag(tag)) throw new ContentInvalidError(subject, `version "${version}" is not a tag`);
  return { version: tag, isSuspended: suspend === true };
}

import { compareTexts } from "../../../compare-texts.ts";
import {
  formatReference,
  joinRepository,
  type RepositoryReference,
} from "../../../oci/reference.ts";
import { option } from "../../../option.ts";
import { CHANNELS, type Channel, isChannel, spellingsOf } from "../../../product/channel.ts";
import { PLATFORM_RELEASES } from "../../../product/layouts.ts";
import { parseVersion } from "../../../versions/tag-version.ts";
import { compareVersions, minorOf } from "../../../versions/version.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import { nearestNames } from "../../grammar/nearest.ts";
import type { PlatformReleases, SourceSelection } from "../../grammar/selection.ts";
import { isInRange, selectTags } from "../../grammar/version-filter.ts";
import { listCandidates, reportUnread } from "../list-candidates.ts";
import { formatFound, type SourceReader } from "../source-reader.ts";
import { type ChannelPointer, readChannels } from "./read-channels.ts";

/** Which releases of the platform are taken. */
export interface ChosenReleases {
  /** Tags, in ascending order. */
  readonly versions: readonly string[];
  /** Channels of the source that are kept as they are; each points at one of the versions. */
  readonly channels: readonly ChannelPointer[];
  /** Channels that the only version is published to instead. */
  readonly aliases: readonly Channel[];
  /** The channel that led to the only version: its image stands in for a release image that is missing. */
  readonly followed?: ChannelPointer | undefined;
}

interface Scope {
  readonly selection: SourceSelection;
  readonly reader: SourceReader;
  readonly release: RepositoryReference;
}

/** The channels that every source of the platform has; `lts` replaces them in some. */
const DEFAULT_CHANNELS = CHANNELS.filter((channel) => channel !== "lts");

/** The repository of release images: its tags are the releases and the channels. */
export function releaseRepositoryOf({ source }: SourceSelection): RepositoryReference {
  return joinRepository(source, PLATFORM_RELEASES);
}

export async function chooseReleases(
  selection: SourceSelection,
  reader: SourceReader,
): Promise<ChosenReleases> {
  const scope: Scope = { selection, reader, release: releaseRepositoryOf(selection) };
  const { releases } = selection.platform;
  switch (releases.kind) {
    case "channels":
      return chooseByChannels(scope, releases);
    case "range":
      return chooseByRange(scope, releases);
    case "tag":
      return chooseByTag(scope, releases);
  }
}

/** What the channels point at, and the latest patch of each minor from the most proven to the newest of them. */
async function chooseByChannels(
  scope: Scope,
  { since }: PlatformReleases & { kind: "channels" },
): Promise<ChosenReleases> {
  const { selection, reader, release } = scope;
  const tags = await reader.listTags(release);
  if (tags === undefined) throw platformMissing(release);
  reportUnread(release, tags, { reader });
  const names = CHANNELS.filter((channel) => tags.includes(channel));
  requireChannels(names, release);
  const channels = await readPlatformChannels(scope, names);
  requireListed(names, channels, release);
  refuseSuspended(channels, selection);
  const bounds = boundsOf(channels, { since, reader });
  const range = bounds ? `>=${bounds.lower.text} <=${bounds.upper.text}` : undefined;
  const between = range === undefined ? [] : latestPatches(tags, range);
  const pointed = channels.map(({ version }) => spelledAs(version, tags));
  return { versions: sortVersions([...between, ...pointed]), channels, aliases: [] };
}

/** A channel that is listed and not there would change which releases are taken. */
function requireListed(
  names: readonly Channel[],
  channels: readonly ChannelPointer[],
  release: RepositoryReference,
): void {
  const lost = names.find((name) => !channels.some(({ channel }) => channel === name));
  if (lost === undefined) return;
  throw new SelectionUnmatchedError(
    `release channel "${formatFound(release, lost)}"`,
    "the repository lists the tag, but does not have it",
  );
}

interface BoundsOptions {
  readonly since: string | undefined;
  readonly reader: SourceReader;
}

/** From the more proven of `since` and rock-solid up to alpha (D3); none without an alpha channel. */
function boundsOf(channels: readonly ChannelPointer[], { since, reader }: BoundsOptions) {
  const versionOf = (name: Channel) => {
    const pointer = channels.find(({ channel }) => channel === name);
    if (pointer === undefined) return undefined;
    const version = parseVersion(pointer.version);
    if (version === undefined) {
      const message = `Channel ${name} of the platform points at "${pointer.version}", which is no version: releases between rock-solid and alpha are not taken`;
      reader.notice("CHANNEL_UNORDERED", message);
    }
    return version;
  };
  const upper = versionOf("alpha");
  const proven = versionOf("rock-solid");
  const wanted = since === undefined ? undefined : parseVersion(since);
  if (upper === undefined || proven === undefined) {
    if (wanted) {
      const message = `${option("sinceVersion")} has no effect: without the channels alpha and rock-solid only what the channels point at is taken`;
      reader.notice("SINCE_IGNORED", message);
    }
    return undefined;
  }
  if (wanted && compareVersions(wanted, proven) > 0) {
    const message = `${option("sinceVersion")} ${since} has no effect: it is above the release of rock-solid, ${proven.text}`;
    reader.notice("SINCE_IGNORED", message);
  }
  const lower = wanted && compareVersions(wanted, proven) < 0 ? wanted : proven;
  return { lower, upper };
}

/** Releases only: a pre-release is taken if a channel points at it. */
function latestPatches(tags: readonly string[], range: string): string[] {
  const released = tags.filter((tag) => parseVersion(tag)?.prerelease.length === 0);
  const filter = { kind: "range", range } as const;
  const matching = selectTags(released, filter);
  const highest = new Map<string, string>();
  for (const tag of matching) {
    const version = parseVersion(tag);
    if (version) highest.set(minorOf(version), tag);
  }
  return [...highest.values()];
}

/** The latest patch of each minor in a range, the versions that it names, and the channels whose version lies in it. */
async function chooseByRange(
  scope: Scope,
  { range }: PlatformReleases & { kind: "range" },
): Promise<ChosenReleases> {
  const { selection, release } = scope;
  const filter = { kind: "range", range } as const;
  const tags = await listCandidates(release, filter, scope);
  if (tags === undefined) throw platformMissing(release);
  const names = selection.proxyRegistry
    ? CHANNELS
    : CHANNELS.filter((channel) => tags.includes(channel));
  const channels = (await readPlatformChannels(scope, names)).filter(({ version }) =>
    isInRange(version, filter),
  );
  refuseSuspended(channels, selection);
  const pointed = channels.map(({ version }) => spelledAs(version, tags));
  const matching = selectTags(tags, filter, { latestPatch: true });
  const versions = sortVersions([...matching, ...pointed]);
  if (versions.length > 0) return { versions, channels, aliases: [] };
  throw new SelectionUnmatchedError(
    `releases ${range} of the platform`,
    `no tag of "${formatReference(release)}" lies in this range`,
    { hint: `Widen ${option("includePlatform")}, or look at the tags of the repository` },
  );
}

/** One release, published to the channels that are asked for: to all of them, if none is named. */
async function chooseByTag(
  scope: Scope,
  { tag, channel }: PlatformReleases & { kind: "tag" },
): Promise<ChosenReleases> {
  const followed = isChannel(tag) ? await followChannel(scope, tag) : undefined;
  const version = followed?.version ?? (await checkTag(scope, tag));
  const aliases = channel === "all" ? DEFAULT_CHANNELS : [channel].filter(isChannel);
  return { versions: [version], channels: [], aliases, followed };
}

async function followChannel(scope: Scope, channel: Channel): Promise<ChannelPointer> {
  const { selection, reader, release } = scope;
  const [pointer] = await readPlatformChannels(scope, [channel]);
  if (pointer !== undefined) {
    refuseSuspended([pointer], selection);
    return pointer;
  }
  const tags = selection.proxyRegistry ? [] : ((await reader.listTags(release)) ?? []);
  const available = CHANNELS.filter((name) => tags.includes(name));
  throw new SelectionUnmatchedError(
    `release channel "${channel}"`,
    `"${formatReference(release)}" does not have it`,
    { nearest: available, hint: availableHint(available) },
  );
}

/** A version that a suspended channel points at is refused; whether a channel points at it does not matter. */
async function checkTag(scope: Scope, tag: string): Promise<string> {
  const version = parseVersion(tag);
  if (version === undefined || scope.selection.platform.ignoreSuspend) return tag;
  const channels = await readPlatformChannels(scope, CHANNELS);
  const same = channels.filter((channel) => parseVersion(channel.version)?.text === version.text);
  refuseSuspended(same, scope.selection);
  return tag;
}

async function readPlatformChannels(
  { selection, reader, release }: Scope,
  channels: readonly Channel[],
): Promise<ChannelPointer[]> {
  const { platforms } = selection;
  return readChannels(release, { channels, platforms, isStrict: true }, reader);
}

function refuseSuspended(channels: readonly ChannelPointer[], { platform }: SourceSelection): void {
  const names = channels.filter(({ isSuspended }) => isSuspended).map(({ channel }) => channel);
  if (names.length === 0 || platform.ignoreSuspend) return;
  const list = names
    .toSorted()
    .map((name) => `"${name}"`)
    .join(", ");
  throw new SelectionUnmatchedError(
    "releases that may be rolled out",
    `the source registry contains suspended release ${names.length > 1 ? "channels" : "channel"} ${list}`,
    { hint: `Try again later, or use ${option("ignoreSuspend")} to take them all the same` },
  );
}

/** Without `lts` all five channels have to be there, or the cluster behind the target would miss one. */
function requireChannels(found: readonly Channel[], release: RepositoryReference): void {
  const where = formatReference(release);
  if (found.length === 0) {
    throw new SelectionUnmatchedError(
      "a release channel of the platform",
      `"${where}" has none (checked: ${CHANNELS.join(", ")})`,
      { hint: `Name one release with ${option("platformTag")}, or use ${option("noPlatform")}` },
    );
  }
  const missing = DEFAULT_CHANNELS.filter((channel) => !found.includes(channel));
  if (found.includes("lts") || missing.length === 0) return;
  throw new SelectionUnmatchedError(
    `release ${missing.length > 1 ? "channels" : "channel"} ${missing.join(", ")} of the platform`,
    `"${where}" has only ${found.join(", ")}`,
    { nearest: found, hint: availableHint(found) },
  );
}

function availableHint(available: readonly string[]): string {
  const [first] = nearestNames("stable", available);
  const example = first ?? available[0];
  return example === undefined
    ? `Name a version with ${option("platformTag")}, or use ${option("noPlatform")}`
    : `Choose from ${available.join(", ")}, for example ${option("platformTag")} ${example}`;
}

function platformMissing(release: RepositoryReference): SelectionUnmatchedError {
  return new SelectionUnmatchedError(
    "the platform",
    `there is no repository "${formatReference(release)}"`,
    { hint: `Check ${option("source")}, and log in if the repository is private` },
  );
}

/** The tag that stands for a version in the source, which may publish it without `v`. */
function spelledAs(version: string, tags: readonly string[]): string {
  return spellingsOf(version).find((tag) => tags.includes(tag)) ?? version;
}

function sortVersions(tags: readonly string[]): string[] {
  const unique = [...new Set(tags)];
  return unique.sort((left, right) => {
    const [a, b] = [parseVersion(left), parseVersion(right)];
    return a && b ? compareVersions(a, b) || compareTexts(left, right) : Number(a === undefined);
  });
}

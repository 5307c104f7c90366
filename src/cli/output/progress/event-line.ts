import { isAddressedByDigest, renderImageName } from "../image-name.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import type { MirrorEvent } from "./renderer.ts";

/** An image can have thousands; the receipt has them all. */
const TAGS_SHOWN = 5;

/** The line that an event leaves in a log; most leave none. */
export function renderEventLine(event: MirrorEvent): string | undefined {
  switch (event.type) {
    case "notice":
      return `notice: ${sanitize(event.message)}`;
    case "planned":
      return `planned ${formatCount(event.images, "image")} in ${formatCount(event.packages, "package")}: ${formatCount(event.files, "file")}, ${formatBytes(event.bytes)}, of which ${formatBytes(event.fetchBytes)} to fetch`;
    case "opened":
      if (!("images" in event)) {
        return `checking ${formatCount(event.files, "file")}, ${formatBytes(event.bytes)}`;
      }
      return `opened ${formatCount(event.images, "image")} in ${formatCount(event.packages, "package")}: ${formatCount(event.files, "file")}, ${formatBytes(event.bytes)}`;
    case "package-finished":
      return `finished ${sanitize(event.package)}: ${formatCount(event.files.length, "file")}, ${formatBytes(event.size)}`;
    case "blob-restarted":
      return `starting over with ${shortDigest(event.digest)}: ${sanitize(event.reason)}`;
    case "image-finished":
      return renderImageLine(event);
    default:
      return undefined;
  }
}

function renderImageLine(
  event: Extract<MirrorEvent, { type: "image-finished" }>,
): string | undefined {
  if (event.outcome === "failed") return `failed ${renderImageName(event)}`;
  // A module has hundreds of images that only their digests name
  if (event.outcome === "already-there" || isAddressedByDigest(event)) return undefined;
  const rest = event.tags.length - TAGS_SHOWN;
  if (rest <= 1) return `pushed ${renderImageName(event)}`;
  const tags = event.tags.slice(0, TAGS_SHOWN);
  return `pushed ${renderImageName({ ...event, tags })} and ${formatCount(rest, "more tag")}`;
}

import type { Problem, VerifyReport } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderSignatures } from "./signatures.ts";

const IMAGES_SHOWN = 5;

/** Each problem with its place, its victims and what to do, then the answer. */
export function renderVerifyReport(report: VerifyReport): string {
  const { files, bytes, images, blobs } = report.totals;
  const seen = `${formatCount(files, "file")}, ${formatBytes(bytes)}, ${formatCount(images, "image")}, ${formatCount(blobs, "blob")}`;
  const path = sanitize(report.bundlePath);
  return [
    ...report.problems.flatMap(renderProblem),
    ...renderSignatures(report.signatures),
    ...report.notices.map((notice) => `notice: ${sanitize(notice.message)}`),
    report.complete
      ? `The bundle "${path}" is complete and undamaged: ${seen}.`
      : `The bundle "${path}" is not usable as it is: ${formatCount(report.problems.length, "problem")} (${seen} looked at).`,
    "",
  ].join("\n");
}

function renderProblem({
  file,
  offset,
  entry,
  images = [],
  message,
  hint,
}: Problem): readonly string[] {
  const place = offset === undefined ? file : `${file} at byte ${offset}`;
  const rest = images.length - IMAGES_SHOWN;
  return [
    `${place}: ${message}`,
    ...(entry === undefined ? [] : [`  entry: ${entry}`]),
    ...namedFirst(images)
      .slice(0, IMAGES_SHOWN)
      .map((image) => `  needed by: ${image}`),
    ...(rest > 0 ? [`  needed by: ${formatCount(rest, "more image")}`] : []),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
  ].map(sanitize);
}

/** Images with tags for people go before those that only their digests name. */
function namedFirst(images: readonly string[]): readonly string[] {
  const isNamed = (image: string) => !/:[0-9a-f]{64}$/.test(image);
  return [...images].sort((left, right) => Number(isNamed(right)) - Number(isNamed(left)));
}

import type { ExportReport } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderFailures } from "./failure-list.ts";

/** What is in it, what is not, and where it is. */
export function renderExport(report: ExportReport): string {
  const { images, failures, notices, path, bytes, isWritten } = report;
  const outcome = isWritten ? "" : ", as it was";
  return [
    ...images.map(({ name, digest, platforms }) =>
      sanitize(`${name} ${digest}${platforms.length > 0 ? ` (${platforms.join(", ")})` : ""}`),
    ),
    ...notices.map(({ message }) => `notice: ${sanitize(message)}`),
    ...renderFailures(failures),
    `${sanitize(path)}: ${formatCount(images.length, "image")}, ${formatBytes(bytes)}${outcome}`,
    "",
  ].join("\n");
}

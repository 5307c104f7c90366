import type { ClientNotice } from "../clients/client-document.ts";
import type { ClientConfig } from "../clients/plan-client-config.ts";
import type { FileChange } from "./plan-install.ts";

/** A configuration, and what became of it in a directory if one was named. */
export interface ClientConfigReport {
  readonly schemaVersion: 1;
  readonly mediaType: "application/vnd.airgap-mirror.client-config.v1+json";
  readonly runtime: string;
  /** Directory on the node that the paths of the files are below. */
  readonly directory: string;
  readonly files: readonly {
    readonly path: string;
    readonly mode: string;
    readonly owner: string;
    readonly applies: string;
    readonly validFor: string;
    readonly text: string;
  }[];
  readonly steps: readonly string[];
  readonly notices: readonly ClientNotice[];
  /** In the directory that was named. */
  readonly changes?: readonly Pick<FileChange, "path" | "kind">[] | undefined;
}

/** Pure. */
export function reportOf(
  { runtime, directory, files, steps, notices }: ClientConfig,
  changes?: readonly FileChange[],
): ClientConfigReport {
  return {
    schemaVersion: 1,
    mediaType: "application/vnd.airgap-mirror.client-config.v1+json",
    runtime,
    directory,
    files: files.map(({ path, mode, owner, applies, validFor, text }) => ({
      path,
      mode,
      owner,
      applies,
      validFor,
      text,
    })),
    steps,
    notices,
    ...(changes ? { changes: changes.map(({ path, kind }) => ({ path, kind })) } : {}),
  };
}

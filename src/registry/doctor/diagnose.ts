import { checkOptions } from "../../check-options.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import { findQuirks } from "../host/quirks.ts";
import { openRegistryHosts, type RegistryHostsOptions } from "../host/registry-hosts.ts";
import { checkPull } from "./check-pull.ts";
import { checkReach } from "./check-reach.ts";
import { checkToken } from "./check-token.ts";
import { checkUploads } from "./check-uploads.ts";
import { type Check, DOCTOR_MEDIA_TYPE, type DoctorReport } from "./report.ts";

export interface DiagnoseOptions extends RegistryHostsOptions {
  readonly target: RepositoryReference;
  /** Largest request body that is tried; default: the parts that a push sends, 40 MiB. */
  readonly probeSizeBytes?: number | undefined;
  /** False: nothing is asked that needs the permission to push. */
  readonly push?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Somebody is waiting: a registry that is down should be named soon. */
const RETRY_TIMEOUT_MS = 5_000;

/**
 * Tries what pull and push will need of a registry and says what does not work. Upload sessions that it opens are
 * cancelled, the one blob that it uploads is deleted, and what a registry keeps all the same is said. Failures are part of the report; only an unusable option or the signal rejects.
 */
export async function diagnose(options: DiagnoseOptions): Promise<DoctorReport> {
  checkOptions(options, {
    target: "object",
    probeSizeBytes: "count?",
    push: "switch?",
    signal: "signal?",
  });
  checkOptions(options.target, { registry: "text", repository: "text" });
  const { target, probeSizeBytes, push = true, signal } = options;
  await using hosts = openRegistryHosts({ retryTimeoutMs: RETRY_TIMEOUT_MS, ...options });
  const host = hosts.hostOf(target.registry);
  const context = { host, repository: target.repository };
  const checks: Check[] = [];
  checks.push(...(await checkReach(host, hosts.transport, signal)));
  if (!hasFailed(checks)) {
    const pull = await checkPull(context, signal);
    const options = { probeSizeBytes, signal, blob: pull.blob };
    const uploads = push ? await checkUploads(context, options) : [];
    checks.push(...describeQuirks(target.registry));
    // only now it is known how the registry wants to be asked
    checks.push(await checkToken(context, { push }), ...pull.checks, ...uploads);
  }
  const usable = !hasFailed(checks);
  return { schemaVersion: 1, mediaType: DOCTOR_MEDIA_TYPE, ...target, usable, checks };
}

/** What is known of the registry by its host. */
function describeQuirks(registry: string): readonly Check[] {
  const found = findQuirks(registry);
  if (!found) return [];
  const detail = `${found.registry}: ${found.quirks.map(({ what }) => what).join("; ")}`;
  return [{ name: "known", status: "ok", detail }];
}

function hasFailed(checks: readonly Check[]): boolean {
  return checks.some(({ status }) => status === "failed");
}

import type { RepositoryReference } from "../oci/reference.ts";
import { openRegistryHosts, type RegistryHostsOptions } from "../registry/registry-hosts.ts";
import { checkPull } from "./check-pull.ts";
import { checkReach } from "./check-reach.ts";
import { checkUploads } from "./check-uploads.ts";
import type { Check, DoctorReport } from "./report.ts";

export interface DiagnoseOptions extends RegistryHostsOptions {
  readonly target: RepositoryReference;
  /** Largest request body that is tried; default 4 MiB. */
  readonly probeSizeBytes?: number | undefined;
  /** False: nothing is asked that needs the permission to push. */
  readonly push?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PROBE_SIZE_BYTES = 4 * 1024 * 1024;
/** Somebody is waiting: a registry that is down should be named soon. */
const RETRY_TIMEOUT_MS = 5_000;

/**
 * Tries what pull and push will need of a registry and says what does not work. Upload sessions that it opens are
 * cancelled: no content is left behind. Failures are part of the report; only an unusable option or the signal rejects.
 */
export async function diagnose(options: DiagnoseOptions): Promise<DoctorReport> {
  const { target, probeSizeBytes = PROBE_SIZE_BYTES, push = true, signal } = options;
  await using hosts = openRegistryHosts({ retryTimeoutMs: RETRY_TIMEOUT_MS, ...options });
  const host = hosts.hostOf(target.registry);
  const context = { host, repository: target.repository };
  const checks: Check[] = [];
  checks.push(...(await checkReach(host, hosts.transport, signal)));
  if (!hasFailed(checks)) {
    const pull = await checkPull(context, signal);
    checks.push(...pull.checks);
    if (push) checks.push(...(await checkUploads(context, { probeSizeBytes, signal, ...pull })));
  }
  const usable = !hasFailed(checks);
  return { schemaVersion: 1, ...target, usable, checks };
}

function hasFailed(checks: readonly Check[]): boolean {
  return checks.some(({ status }) => status === "failed");
}

import type { Descriptor } from "../../oci/descriptor.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError, RegistryUnreachableError } from "../errors.ts";
import { PART_FLOOR_BYTES } from "../upload/upload-plan.ts";
import { locationOf, startUpload } from "../upload/upload-start.ts";
import { checkMount } from "./check-mount.ts";
import { failedCheck } from "./failed-check.ts";
import { describeLeftovers, type Leftovers } from "./leftovers.ts";
import type { Check } from "./report.ts";

export interface CheckUploadsOptions {
  /** Largest request body that is tried; default: what a push would send. */
  readonly probeSizeBytes: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly blob: Descriptor | undefined;
}

/** Writing, by upload sessions that are never completed, and by a probe that is deleted: no content is left behind. */
export async function checkUploads(
  context: RepositoryContext,
  options: CheckUploadsOptions,
): Promise<readonly Check[]> {
  const { signal } = options;
  const leftovers: Leftovers = { hasSession: false, neighbor: undefined, blobs: [] };
  const session: Session = { location: undefined, leftovers };
  const checks: Check[] = [];
  try {
    await openSession(context, session, signal);
    const detail = "allowed: the registry opens an upload";
    checks.push({ name: "push", status: "ok", detail });
  } catch (error) {
    signal?.throwIfAborted();
    return [failedCheck("push", error)];
  }
  try {
    checks.push(...(await checkParts(context, session, options)));
    checks.push(await checkMount(context, { ...options, leftovers, signal }));
  } finally {
    await closeSession(context, session);
  }
  checks.push(describeLeftovers(leftovers));
  return checks;
}

interface Session {
  location: URL | undefined;
  readonly leftovers: Leftovers;
}

async function openSession(
  context: RepositoryContext,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<void> {
  session.location = (await startUpload(context, { signal })).location;
}

const STATUS_LIMIT_MS = 5_000;

async function closeSession(context: RepositoryContext, session: Session): Promise<void> {
  if (session.location === undefined) return;
  try {
    const response = await context.host.sendOnce({
      method: "DELETE",
      target: session.location,
      scopes: [repositoryScope(context.repository, "pull", "push", "delete")],
      accepts: [200, 202, 204, 404],
      signal: AbortSignal.timeout(STATUS_LIMIT_MS),
    });
    await response.discard();
  } catch {
    session.leftovers.hasSession = true;
  }
  session.location = undefined;
}

const KIB = 1024;

/** Sends a part of the largest size that is to be tried, then smaller ones until one is taken. */
async function checkParts(
  context: RepositoryContext,
  session: Session,
  { probeSizeBytes, signal }: CheckUploadsOptions,
): Promise<readonly Check[]> {
  const { facts } = context.host;
  if (facts.monolithicOnly) {
    const detail = "known to take every blob in one request";
    return [{ name: "upload-parts", status: "limited", detail }];
  }
  const largest = Math.min(probeSizeBytes ?? facts.partLimitBytes, facts.partLimitBytes);
  let size = largest;
  for (;;) {
    try {
      await sendPart(context, session, { size, signal });
      break;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTooLarge(error, size) || size <= KIB) return [failedCheck("upload-parts", error)];
      // as a push does
      size = Math.floor(size / 2);
      await closeSession(context, session);
      await openSession(context, session, signal);
    }
  }
  const resume = await checkStatus(context, session, signal);
  return [resume, describeLimit(size, largest)];
}

/** Some front ends say so, others cut the connection. */
function isTooLarge(error: unknown, size: number): boolean {
  if (error instanceof RegistryUnreachableError) {
    return error.reason === "reset" && size > PART_FLOOR_BYTES;
  }
  return error instanceof RegistryResponseError && [413, 416].includes(error.status);
}

function describeLimit(size: number, largest: number): Check {
  const name = "part-limit";
  const taken = `${formatKib(size)} in one request are taken`;
  if (size === largest) return { name, status: "ok", detail: taken };
  const detail = `${taken}, ${formatKib(size * 2)} are not`;
  const hint =
    "Raise the limit of the proxy in front of the registry (nginx: client_max_body_size 0)";
  return size >= PART_FLOOR_BYTES
    ? { name, status: "limited", detail, hint }
    : { name, status: "failed", detail, code: "REGISTRY_REFUSED", hint };
}

function formatKib(bytes: number): string {
  return bytes >= KIB * KIB ? `${bytes / KIB / KIB} MiB` : `${bytes / KIB} KiB`;
}

interface Part {
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

async function sendPart(
  context: RepositoryContext,
  session: Session,
  { size, signal }: Part,
): Promise<void> {
  if (session.location === undefined) return;
  const response = await context.host.sendOnce({
    method: "PATCH",
    target: session.location,
    headers: {
      "content-type": "application/octet-stream",
      "content-range": `0-${size - 1}`,
    },
    body: Buffer.alloc(size),
    scopes: [repositoryScope(context.repository, "pull", "push")],
    accepts: [201, 202],
    signal,
  });
  await response.discard();
  session.location = locationOf(context, response) ?? session.location;
}

async function checkStatus(
  context: RepositoryContext,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<Check> {
  const name = "upload-parts";
  if (session.location === undefined) return { name, status: "skipped", detail: "no upload" };
  try {
    const response = await context.host.sendOnce({
      method: "GET",
      target: session.location,
      scopes: [repositoryScope(context.repository, "pull", "push")],
      accepts: [204],
      signal,
    });
    await response.discard();
    session.location = locationOf(context, response) ?? session.location;
    return {
      name,
      status: "ok",
      detail: "taken, and an upload can be continued after any of them",
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) return failedCheck(name, error);
    const detail = `taken; the state of an upload cannot be asked for (${error.status}), so a broken one starts over`;
    return { name, status: "limited", detail };
  }
}

import type { Descriptor } from "../oci/descriptor.ts";
import { repositoryScope } from "../registry/auth/scope.ts";
import type { RepositoryContext } from "../registry/blobs.ts";
import { RegistryResponseError } from "../registry/errors.ts";
import { mountBlob } from "../registry/mount.ts";
import { PART_FLOOR_BYTES } from "../registry/upload-plan.ts";
import { locationOf, startUpload } from "../registry/upload-start.ts";
import { failedCheck } from "./failed-check.ts";
import type { Check } from "./report.ts";

export interface CheckUploadsOptions {
  readonly probeSizeBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly blob: Descriptor | undefined;
}

/** Writing, by upload sessions that are never completed: no content is left behind. */
export async function checkUploads(
  context: RepositoryContext,
  options: CheckUploadsOptions,
): Promise<readonly Check[]> {
  const { signal } = options;
  const session: Session = { location: undefined, isClean: true };
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
    checks.push(await checkMount(context, options));
  } finally {
    await closeSession(context, session);
  }
  checks.push(describeCleanUp(session));
  return checks;
}

interface Session {
  location: URL | undefined;
  isClean: boolean;
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
    session.isClean = false;
  }
  session.location = undefined;
}

const KIB = 1024;
/** Parts from here on cost no time worth a word. */
const AMPLE_PART_BYTES = 4096 * KIB;

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
  let size = Math.min(probeSizeBytes, facts.partLimitBytes);
  for (;;) {
    try {
      await sendPart(context, session, { size, signal });
      break;
    } catch (error) {
      signal?.throwIfAborted();
      const isTooLarge =
        error instanceof RegistryResponseError && [413, 416].includes(error.status);
      if (!isTooLarge || size <= KIB) return [failedCheck("upload-parts", error)];
      size = Math.floor(size / 2);
      await closeSession(context, session);
      await openSession(context, session, signal);
    }
  }
  const resume = await checkStatus(context, session, signal);
  return [resume, describeLimit(size, probeSizeBytes)];
}

function describeLimit(size: number, probeSizeBytes: number): Check {
  const name = "part-limit";
  const taken = `${formatKib(size)} in one request are taken`;
  if (size >= Math.min(probeSizeBytes, AMPLE_PART_BYTES)) {
    return { name, status: "ok", detail: taken };
  }
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
    return { name, status: "ok", detail: "taken, and a broken upload can be continued" };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) return failedCheck(name, error);
    const detail = `taken; the state of an upload cannot be asked for (${error.status}), so a broken one starts over`;
    return { name, status: "limited", detail };
  }
}

/** Asks for a blob that is there already: nothing changes whatever the answer is. */
async function checkMount(
  context: RepositoryContext,
  { blob, signal }: CheckUploadsOptions,
): Promise<Check> {
  const name = "mount";
  if (!blob)
    return { name, status: "skipped", detail: "the repository has no blob to try it with" };
  const from = context.repository;
  const result = await mountBlob(context, blob, { from, signal });
  if (result === "mounted")
    return { name, status: "ok", detail: "blobs are linked between repositories" };
  if (result) await closeSession(context, { location: result.location, isClean: true });
  const detail = "not done: blobs are sent once for each repository";
  return { name, status: "limited", detail };
}

function describeCleanUp({ isClean }: Session): Check {
  const name = "clean-up";
  if (isClean) return { name, status: "ok", detail: "the registry has cancelled the upload" };
  const detail =
    "an empty upload session could not be cancelled: the registry forgets it by itself";
  return { name, status: "limited", detail };
}

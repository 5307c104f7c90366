import { childrenOf } from "../../oci/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { option } from "../../option.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { TagListUnsupportedError } from "../content/tag-list-error.ts";
import { RegistryResponseError } from "../errors.ts";
import { createRepository } from "../repository.ts";
import { failedCheck } from "./failed-check.ts";
import type { Check } from "./report.ts";

export interface PullChecks {
  readonly checks: readonly Check[];
  /** A blob that the repository has. */
  readonly blob: Descriptor | undefined;
}

const UNKNOWN_DIGEST = `sha256:${"0".repeat(64)}`;

/** Reading: tags, and whether the registry knows referrers. */
export async function checkPull(
  context: RepositoryContext,
  signal: AbortSignal | undefined,
): Promise<PullChecks> {
  const repository = createRepository(context.host, {
    registry: context.host.registry,
    repository: context.repository,
  });
  let tag: string | undefined;
  try {
    for await (const found of repository.listTags({ signal })) {
      tag = found;
      break;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TagListUnsupportedError) return withoutList(context, signal);
    if (!isNotFound(error)) return { checks: [failedCheck("pull", error)], blob: undefined };
  }
  const detail =
    tag === undefined
      ? "allowed; the repository is empty or new"
      : `allowed, for example tag ${tag}`;
  const pull: Check = { name: "pull", status: "ok", detail };
  const blob = tag === undefined ? undefined : await findBlob(repository, tag, signal);
  return { checks: [pull, await checkReferrers(context, signal)], blob };
}

/** Nothing is known to be there that could be read. */
async function withoutList(
  context: RepositoryContext,
  signal: AbortSignal | undefined,
): Promise<PullChecks> {
  const detail = `no list of tags: images are found by tag or digest, and ranges of versions need ${option("proxyRegistry")}`;
  const pull: Check = { name: "pull", status: "limited", detail };
  return { checks: [pull, await checkReferrers(context, signal)], blob: undefined };
}

/** A small blob of an image, for trying a mount. */
async function findBlob(
  repository: ReturnType<typeof createRepository>,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  try {
    const manifest = await repository.fetchManifest(tag, { signal });
    const { blobs } = childrenOf(parseManifest(manifest.bytes, manifest.descriptor.mediaType, tag));
    return blobs[0];
  } catch {
    signal?.throwIfAborted();
    // the mount is then not tried, which is said
    return undefined;
  }
}

async function checkReferrers(
  { host, repository }: RepositoryContext,
  signal: AbortSignal | undefined,
): Promise<Check> {
  const name = "referrers";
  try {
    const response = await host.send({
      method: "GET",
      target: `/v2/${repository}/referrers/${UNKNOWN_DIGEST}`,
      scopes: [repositoryScope(repository, "pull")],
      accepts: [200],
      signal,
    });
    await response.discard();
    return { name, status: "ok", detail: "referrers API" };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) return failedCheck(name, error);
    const detail = `no referrers API (${error.status}): signatures are found by tags`;
    return { name, status: "limited", detail };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof RegistryResponseError && error.status === 404;
}

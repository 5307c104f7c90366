import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { ReferenceInvalidError } from "../../oci/errors.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError, RegistryUnreachableError } from "../errors.ts";
import { readUploadStart, type UploadStart, uploadsPath } from "./upload-start.ts";

export interface MountBlobOptions extends OperationOptions {
  readonly from: string;
}

/** After this many in a row, asking costs more than it saves. */
const FAILURE_LIMIT = 3;

/**
 * Asks the registry once to link a blob from another of its repositories. It may instead have opened an upload, which is
 * given back for use. Any other answer, or none, means only that the blob has to be sent: servers answer a mount they do
 * not want with all kinds of errors.
 */
export async function mountBlob(
  context: RepositoryContext,
  target: Descriptor,
  options: MountBlobOptions,
): Promise<"mounted" | UploadStart | undefined> {
  const { facts } = context.host;
  if (facts.failedMounts >= FAILURE_LIMIT) return undefined;
  const answer = await postMount(context, target.digest, options);
  if (answer === "refused") facts.failedMounts += 1;
  if (answer === "refused" || answer === "limited") return undefined;
  facts.failedMounts = 0;
  return answer;
}

/** The same, whatever came of it before; `limited` says nothing of mounts. */
export async function postMount(
  context: RepositoryContext,
  digest: Digest,
  { from, signal }: MountBlobOptions,
): Promise<"mounted" | UploadStart | "refused" | "limited"> {
  parseDigest(digest);
  if (!isRepositoryName(from)) throw new ReferenceInvalidError(from, "it is not a repository path");
  const { repository } = context;
  const query = new URLSearchParams({ mount: digest, from });
  try {
    const response = await context.host.sendOnce({
      method: "POST",
      target: `${uploadsPath(context)}?${query}`,
      // the scope to write comes first: some servers look at one only
      scopes: [
        repositoryScope(repository, "pull", "push"),
        ...(from === repository ? [] : [repositoryScope(from, "pull")]),
      ],
      accepts: [201, 202],
      signal,
    });
    await response.discard();
    return response.status === 201 ? "mounted" : readUploadStart(context, response);
  } catch (error) {
    signal?.throwIfAborted();
    // some token servers refuse the whole request when one of two scopes is not to their liking
    if (error instanceof RegistryResponseError || error instanceof RegistryUnreachableError) {
      return error.code === "REGISTRY_LIMITED" ? "limited" : "refused";
    }
    throw error;
  }
}

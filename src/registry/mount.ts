import type { Descriptor } from "../oci/descriptor.ts";
import { parseDigest } from "../oci/digest.ts";
import { ReferenceInvalidError } from "../oci/errors.ts";
import { isRepositoryName } from "../oci/reference.ts";
import type { OperationOptions } from "../store/store.ts";
import { repositoryScope } from "./auth/scope.ts";
import type { RepositoryContext } from "./blobs.ts";
import { RegistryResponseError, RegistryUnreachableError } from "./errors.ts";
import { readUploadStart, type UploadStart, uploadsPath } from "./upload-start.ts";

export interface MountBlobOptions extends OperationOptions {
  readonly from: string;
}

/**
 * Asks the registry to link a blob from another of its repositories. It may instead have opened an upload, which is
 * given back for use. Any refusal means only that the blob has to be sent: servers answer a mount they do not want
 * with all kinds of errors.
 */
export async function mountBlob(
  context: RepositoryContext,
  { digest }: Descriptor,
  { from, signal }: MountBlobOptions,
): Promise<"mounted" | UploadStart | undefined> {
  parseDigest(digest);
  if (!isRepositoryName(from)) throw new ReferenceInvalidError(from, "it is not a repository path");
  const query = new URLSearchParams({ mount: digest, from });
  try {
    const response = await context.host.sendOnce({
      method: "POST",
      target: `${uploadsPath(context)}?${query}`,
      // the scope to write comes first: some servers look at one only
      scopes: [repositoryScope(context.repository, "pull", "push"), repositoryScope(from, "pull")],
      accepts: [201, 202],
      signal,
    });
    await response.discard();
    return response.status === 201 ? "mounted" : readUploadStart(context, response);
  } catch (error) {
    if (error instanceof RegistryResponseError || error instanceof RegistryUnreachableError) {
      return undefined;
    }
    throw error;
  }
}

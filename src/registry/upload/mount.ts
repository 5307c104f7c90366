import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import { ReferenceInvalidError } from "../../oci/errors.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError } from "../errors.ts";
import { readUploadStart, type UploadStart, uploadsPath } from "./upload-start.ts";

export interface MountBlobOptions extends OperationOptions {
  readonly from: string;
}

const REFUSALS = [400, 401, 403, 404, 405, 500, 501];

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
    const response = await context.host.send({
      method: "POST",
      target: `${uploadsPath(context)}?${query}`,
      // the scope to write comes first: some servers look at one only
      scopes: [repositoryScope(context.repository, "pull", "push"), repositoryScope(from, "pull")],
      accepts: [201, 202, ...REFUSALS],
      signal,
    });
    await response.discard();
    if (response.status === 201) return "mounted";
    return response.status === 202 ? readUploadStart(context, response) : undefined;
  } catch (error) {
    // some token servers refuse the whole request when one of two scopes is not to their liking
    if (error instanceof RegistryResponseError) return undefined;
    throw error;
  }
}

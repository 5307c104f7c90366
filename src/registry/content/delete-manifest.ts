import { type Digest, parseDigest } from "../../oci/digest.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { DeletesRefusedError, RegistryResponseError } from "../errors.ts";
import type { RepositoryContext } from "./blobs.ts";

/** DELETE by digest: every tag of the manifest goes with it. False: it was not there. */
export async function deleteManifest(
  context: RepositoryContext,
  digest: Digest,
  { signal }: OperationOptions = {},
): Promise<boolean> {
  const { host, repository } = context;
  parseDigest(digest);
  try {
    const response = await host.send({
      method: "DELETE",
      target: `/v2/${repository}/manifests/${digest}`,
      scopes: [repositoryScope(repository, "pull", "push", "delete")],
      accepts: [200, 202, 204],
      signal,
    });
    await response.discard();
    return true;
  } catch (error) {
    if (!(error instanceof RegistryResponseError)) throw error;
    if (error.code === "REGISTRY_NOT_FOUND") return false;
    throw isUnsupported(error) ? new DeletesRefusedError(host.registry, error) : error;
  }
}

/** 405 is the answer of the specification; some say 400 with its code. */
function isUnsupported({ serverErrors, status }: RegistryResponseError): boolean {
  return status === 405 || serverErrors.some(({ code }) => code === "UNSUPPORTED");
}

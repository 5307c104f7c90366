import type { Digest } from "../../oci/digest.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError, RegistryUnreachableError } from "../errors.ts";
import type { HostFacts } from "../host/host-facts.ts";
import { bodyOfBytes } from "../transport/body-of-bytes.ts";
import { checkStored, uploadRequest } from "./upload-requests.ts";
import { commitUrlOf, readUploadStart, type UploadStart, uploadsPath } from "./upload-start.ts";

/** To find out whether a registry takes it can cost these bytes twice, once a run: so many blobs have to gain by it. */
const TRIED_BYTES = 4 * 1024;
const TRIED_BEHIND = 64;

interface WholeBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly signal: AbortSignal | undefined;
  readonly onSent: (bytes: number) => void;
}

/** What servers answer to a body, or to a query, that they do not expect. */
const NOT_TAKEN: ReadonlySet<number> = new Set([400, 404, 405, 411, 413, 415, 422, 501]);

/**
 * Sends a blob with the request that otherwise opens an upload (distribution-spec, "Single POST"). Registries need not take it:
 * then they have opened one, which is given back. Any other answer, or none, only means that the blob goes the usual way.
 */
export async function postWhole(
  context: RepositoryContext,
  { bytes, digest, signal, onSent }: WholeBlob,
): Promise<"stored" | UploadStart | undefined> {
  const { host } = context;
  if (!isWorthTrying(host.facts, bytes.length)) return undefined;
  if (host.facts.wholePosts === "untried") host.facts.wholePosts = "being tried";
  const target = commitUrlOf(new URL(uploadsPath(context), host.baseUrl), digest);
  try {
    const response = await host.sendOnce({
      ...uploadRequest(context, "POST", `${target.pathname}${target.search}`),
      headers: { "content-type": "application/octet-stream" },
      body: bodyOfBytes(bytes),
      accepts: [201, 202],
      signal,
      onSent,
    });
    await response.discard();
    host.facts.wholePosts = response.status === 201 ? "taken" : "not taken";
    if (response.status === 202) return readUploadStart(context, response);
    checkStored(response, digest);
    return "stored";
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RegistryUnreachableError) return undefined;
    if (!(error instanceof RegistryResponseError)) throw error;
    // what is wrong with more than this request shows again on the usual way
    if (NOT_TAKEN.has(error.status)) host.facts.wholePosts = "not taken";
    return undefined;
  } finally {
    if (host.facts.wholePosts === "being tried") host.facts.wholePosts = "untried";
  }
}

/** Whether a blob of this size may yet turn out to go with one request. */
export function mayTakeWhole({ wholePosts }: HostFacts, bytes: number): boolean {
  if (bytes === 0 || wholePosts === "not taken") return false;
  return wholePosts !== "untried" || bytes <= TRIED_BYTES;
}

function isWorthTrying(facts: HostFacts, bytes: number): boolean {
  if (bytes === 0) return false;
  if (facts.wholePosts !== "untried") return facts.wholePosts === "taken";
  facts.smallBlobs += 1;
  return bytes <= TRIED_BYTES && facts.smallBlobs > TRIED_BEHIND;
}

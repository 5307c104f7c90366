import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { OperationOptions, PushContentOptions } from "../../store/store.ts";
import { isKnownBlob, type RepositoryContext } from "../content/blobs.ts";
import { repositoryFactsOf } from "../host/repository-facts.ts";
import { postMount } from "./mount.ts";
import { mayTakeWhole } from "./post-whole.ts";
import { cancelUpload, type UploadStart } from "./upload-start.ts";

/** So many small blobs in a row were missing: it pays to open the upload of the next one with the question. */
const MISSING_BEFORE = 8;

/**
 * Asks whether a blob is there, before it is sent. Where many small ones are missing, the question is a mount from the repository
 * onto itself, which opens the upload in the same request. Some registries answer 202 to any mount: so a repository is asked in
 * this way only after it has answered 201 for a blob that it was seen to have, and only for blobs that are held in memory. At
 * any doubt the question is a HEAD.
 */
export async function askForBlob(
  context: RepositoryContext,
  target: Descriptor,
  options: PushContentOptions = {},
): Promise<"there" | "missing" | UploadStart> {
  const mounted = await mountOntoItself(context, target, options);
  if (typeof mounted === "object") return mounted;
  // also behind a mount: it says nothing of the size
  const isThere = await isKnownBlob(context, target, options);
  const facts = factsOf(context);
  facts.missingInRow = isThere ? 0 : facts.missingInRow + 1;
  if (mounted === "mounted" && !isThere) facts.mountsItself = "no";
  return isThere ? "there" : "missing";
}

/** Undefined: the question is still open. */
async function mountOntoItself(
  context: RepositoryContext,
  target: Descriptor,
  options: PushContentOptions,
): Promise<"mounted" | UploadStart | undefined> {
  if (!(await isMounting(context, target, options))) return undefined;
  const { signal } = options;
  const answer = await postMount(context, target.digest, { from: context.repository, signal });
  if (answer === "refused") factsOf(context).mountsItself = "no";
  return answer === "refused" || answer === "limited" ? undefined : answer;
}

function factsOf({ host, repository }: RepositoryContext) {
  return repositoryFactsOf(host.facts, repository);
}

async function isMounting(
  context: RepositoryContext,
  { size }: Descriptor,
  { readAll, signal }: PushContentOptions,
): Promise<boolean> {
  const facts = factsOf(context);
  if (readAll === undefined || facts.missingInRow < MISSING_BEFORE) return false;
  // where one request takes all of a blob, none is spared
  if (mayTakeWhole(context.host.facts, size)) return false;
  if (facts.mountsItself === "untried" && facts.seenBlob) {
    facts.mountsItself = "being tried";
    facts.mountsItself = (await proves(context, facts.seenBlob, { signal })) ? "yes" : "no";
  }
  return facts.mountsItself === "yes";
}

async function proves(
  context: RepositoryContext,
  digest: Digest,
  { signal }: OperationOptions,
): Promise<boolean> {
  const answer = await postMount(context, digest, { from: context.repository, signal });
  if (typeof answer === "object") await cancelUpload(context, answer.location);
  return answer === "mounted";
}

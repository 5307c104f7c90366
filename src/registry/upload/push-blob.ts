import type { Descriptor } from "../../oci/descriptor.ts";
import type { PushContentOptions, PushContentResult } from "../../store/store.ts";
import { isKnownBlob, type RepositoryContext } from "../content/blobs.ts";
import { askForBlob } from "./ask-for-blob.ts";
import { mountBlob } from "./mount.ts";
import { uploadBlob } from "./upload.ts";
import { cancelUpload, type UploadStart } from "./upload-start.ts";
import type { UploadBlobOptions, UploadContent } from "./upload-state.ts";

/** Makes a blob be there by the cheapest way that works: mounted, already there, or sent. */
export async function pushBlob(
  context: RepositoryContext,
  content: UploadContent,
  options: PushContentOptions = {},
): Promise<PushContentResult> {
  const { session } = options;
  const opened = await tryMount(context, content.expected, options);
  if (opened === "mounted") {
    await session?.save(undefined);
    return { outcome: "mounted", sentBytes: 0 };
  }
  const answer = await askUnlessKnown(context, content.expected, { ...options, opened });
  if (answer !== "there") return await uploadBlob(context, content, { ...options, opened: answer });
  if (opened) await cancelUpload(context, opened.location);
  await session?.save(undefined);
  return { outcome: "already-there", sentBytes: 0 };
}

/** Gives the upload to go on with, if one is open. */
async function askUnlessKnown(
  context: RepositoryContext,
  expected: Descriptor,
  { opened, ...options }: UploadBlobOptions,
): Promise<"there" | UploadStart | undefined> {
  if (options.isKnownMissing) return opened;
  if (opened) return (await isKnownBlob(context, expected, options)) ? "there" : opened;
  const answer = await askForBlob(context, expected, options);
  return answer === "missing" ? undefined : answer;
}

async function tryMount(
  context: RepositoryContext,
  expected: Descriptor,
  { mountFrom: from, signal }: PushContentOptions,
): Promise<"mounted" | UploadStart | undefined> {
  if (from === undefined || from === context.repository) return undefined;
  return await mountBlob(context, expected, { from, signal });
}

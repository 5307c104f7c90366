import type { Readable } from "node:stream";
import type { Descriptor } from "../../oci/descriptor.ts";
import { option } from "../../option.ts";
import { ContentMissingError, isMissing } from "../../store/errors.ts";
import type { FetchOptions } from "../../store/store.ts";
import { RegistryResponseError, RegistryUnreachableError } from "../errors.ts";
import { fetchBlob, fetchFrom, type RepositoryContext } from "./blobs.ts";

/**
 * Streams a layer that its registry may not have: from there, else from one of the addresses that its descriptor names.
 * These are asked by HTTPS, without credentials, and never inside the network of who asks.
 */
export async function fetchForeignLayer(
  context: RepositoryContext,
  target: Descriptor,
  options: FetchOptions = {},
): Promise<Readable> {
  try {
    return await fetchBlob(context, target, options);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return await fetchElsewhere(context, target, options);
  }
}

async function fetchElsewhere(
  context: RepositoryContext,
  target: Descriptor,
  options: FetchOptions,
): Promise<Readable> {
  const refusals: string[] = [];
  for (const address of target.urls ?? []) {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url?.protocol !== "https:" || url.username !== "" || url.password !== "") {
      refusals.push("an address is not HTTPS, or holds a login");
      continue;
    }
    try {
      return await fetchFrom(context, target, { ...options, address: url.href });
    } catch (error) {
      options.signal?.throwIfAborted();
      const isRefusal =
        error instanceof RegistryResponseError || error instanceof RegistryUnreachableError;
      if (!isRefusal) throw error;
      refusals.push(`"${url.host}": ${error.message}`);
    }
  }
  const layer = `layer ${target.digest}`;
  throw new ContentMissingError(layer, `its registry lacks it; ${refusals.join("; ")}`, {
    hint: `Use ${option("skipForeignLayers")} to take images without such layers`,
  });
}

import type { FetchedFile, FetchFileOptions, FileVersion } from "../../store/store.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { readBody } from "../transport/body.ts";
import { toUnreachableError } from "../transport/connect/network-failure.ts";
import { headerOf, type ResponseHeaders } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";

/**
 * Reads a file of a web server. The host decides between HTTP and HTTPS, as for registries, whatever an address of its own
 * says; an address on another host is used as it is, without a login.
 */
export async function fetchWebFile(
  host: RegistryHost,
  address: URL,
  { limitBytes, known, signal }: FetchFileOptions,
): Promise<FetchedFile | "unchanged" | undefined> {
  refuseDowngrade(host, address);
  const target = address.host === host.registry ? address.pathname + address.search : address;
  const patience = host.createPatience("GET", target);
  for (;;) {
    const response = await host.send({
      method: "GET",
      target,
      headers: conditionsOf(known),
      scopes: [],
      accepts: [200, 404, 410, ...(known ? [304] : [])],
      signal,
    });
    const { headers, status } = response;
    if (status !== 200) {
      await response.discard();
      return status === 304 ? "unchanged" : undefined;
    }
    try {
      const bytes = await readBody(response, { limitBytes });
      if (bytes) return { bytes, version: versionOf(headers) };
    } catch (error) {
      await patience.waitAfter(toUnreachableError(error, host.registry), signal);
      continue;
    }
    throw refusal(host, response, `the file is larger than ${limitBytes} bytes`);
  }
}

/** What came by HTTPS does not send us to plain HTTP elsewhere. */
function refuseDowngrade(host: RegistryHost, address: URL): void {
  const isElsewhere = address.host !== host.registry;
  if (!isElsewhere || address.protocol === "https:" || host.baseUrl.protocol === "http:") return;
  throw refusal(host, { url: address, status: 200 }, "its address is plain HTTP");
}

function refusal(
  { registry }: RegistryHost,
  { url, status }: Pick<HttpResponse, "url" | "status">,
  objection: string,
): RegistryResponseError {
  return new RegistryResponseError({ registry, method: "GET", url, status, objection });
}

function conditionsOf({ etag, lastModified }: FileVersion = {}): Record<string, string> {
  return {
    ...(etag === undefined ? {} : { "if-none-match": etag }),
    ...(lastModified === undefined ? {} : { "if-modified-since": lastModified }),
  };
}

function versionOf(headers: ResponseHeaders): FileVersion {
  const etag = headerOf(headers, "etag");
  const lastModified = headerOf(headers, "last-modified");
  return { ...(etag ? { etag } : {}), ...(lastModified ? { lastModified } : {}) };
}

import { parseStrictJson } from "../../oci/strict-json.ts";
import type { OperationOptions } from "../../store/store.ts";
import type { Scope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { readBody } from "../transport/body.ts";
import type { ResponseHeaders } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import { toUnreachableError } from "../transport/network-failure.ts";
import { nextLinkOf, resolveOwnUrl } from "./links.ts";

export interface JsonPage {
  readonly document: unknown;
  readonly headers: ResponseHeaders;
}

export interface ListPagesOptions extends OperationOptions {
  readonly path: string;
  /** Asked for when the server refuses the page size in `path` with a 400. */
  readonly pathWithoutSize?: string | undefined;
  readonly scopes: readonly Scope[];
}

const PAGE_LIMIT_BYTES = 8 * 1024 * 1024;
/** With a thousand names a page: ten million, more than any repository has. */
const PAGE_COUNT_LIMIT = 10_000;

/** Follows `Link` headers, on the origin of the registry only, each page once. */
export async function* listPages(
  host: RegistryHost,
  options: ListPagesOptions,
): AsyncIterable<JsonPage> {
  const { pathWithoutSize, signal } = options;
  const seen = new Set<string>();
  let target: string | URL | undefined = options.path;
  for (let count = 0; target !== undefined; count += 1) {
    signal?.throwIfAborted();
    const isFirst = count === 0 && pathWithoutSize !== undefined;
    let page = await getPage(host, target, { ...options, accepts: isFirst ? [200, 400] : [200] });
    if (page.response.status === 400) {
      page = await getPage(host, pathWithoutSize ?? "", { ...options, accepts: [200] });
    }
    const { response, bytes } = page;
    const { url, headers, status } = response;
    yield { document: parseStrictJson(bytes, `answer of ${url.host}${url.pathname}`), headers };
    seen.add(url.href);
    target = nextPage(response, (objection) => {
      return new RegistryResponseError({
        registry: host.registry,
        method: "GET",
        url,
        status,
        objection,
      });
    });
    if (target && (seen.has(target.href) || count === PAGE_COUNT_LIMIT)) {
      const objection = "its pages do not come to an end";
      const { registry } = host;
      throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
    }
  }
}

interface GetPageOptions extends ListPagesOptions {
  readonly accepts: readonly number[];
}

interface ReadPage {
  readonly response: HttpResponse;
  readonly bytes: Buffer;
}

async function getPage(
  host: RegistryHost,
  target: string | URL,
  { scopes, accepts, signal }: GetPageOptions,
): Promise<ReadPage> {
  const patience = host.createPatience("GET", target);
  for (;;) {
    const response = await host.send({ method: "GET", target, scopes, accepts, signal });
    try {
      const bytes = await readBody(response, { limitBytes: PAGE_LIMIT_BYTES });
      if (bytes) return { response, bytes };
    } catch (error) {
      await patience.waitAfter(toUnreachableError(error, host.registry), signal);
      continue;
    }
    const { url, status } = response;
    const objection = `the page is larger than ${PAGE_LIMIT_BYTES} bytes`;
    const { registry } = host;
    throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
  }
}

function nextPage(
  { url, headers }: HttpResponse,
  refuse: (objection: string) => Error,
): URL | undefined {
  const link = nextLinkOf(headers);
  if (link === undefined) return undefined;
  const next = resolveOwnUrl(link, url);
  if (next?.origin !== url.origin) throw refuse("its next page is on another host");
  return next;
}

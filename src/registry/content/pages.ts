import { ContentInvalidError } from "../../oci/errors.ts";
import { essenceOf } from "../../oci/media-type.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import type { OperationOptions } from "../../store/store.ts";
import type { Scope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { readBody } from "../transport/body.ts";
import { toUnreachableError } from "../transport/connect/network-failure.ts";
import { headerOf } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import { resolveOwnUrl } from "../transport/own-url.ts";
import { nextLinkOf } from "./links.ts";
import { A_PAGE } from "./manifest-type.ts";

export interface ListPagesOptions<Entry> extends OperationOptions {
  readonly path: string;
  readonly scopes: readonly Scope[];
  /** The entries of one page; throws a plain `Error` that says why a document is no page. */
  readonly entriesOf: (document: unknown) => readonly Entry[];
  /** Where a redirect may lead; one that leads anywhere else fails with its status. */
  readonly mayLeadTo?: ((url: URL) => boolean) | undefined;
  /** For lists that can be asked for from an entry on: then they go on where a server sends no `Link`. */
  readonly paging?: Paging<Entry> | undefined;
}

export interface Paging<Entry> {
  /** Entries that are asked for in one page. */
  readonly size: number;
  /** The marker of an entry: the next page begins behind it. */
  readonly markerOf: (entry: Entry) => string;
}

/** A server answers a request for a list with a page for people, as those do that answer so to every path. */
export class WebPageError extends ContentInvalidError {}

const PAGE_LIMIT_BYTES = 8 * 1024 * 1024;
/** A million tags of sixty characters: more than any repository has. */
const LIST_LIMIT_BYTES = 64 * 1024 * 1024;
const PAGE_COUNT_LIMIT = 10_000;
/** Servers that answer so to a page that only we suppose to be there have no such page. */
const NO_SUCH_PAGE: readonly number[] = [400, 404, 405];
/** Or so, to those that no address of theirs leads to. */
const MISLED: readonly number[] = [403, 404];

/** Where the next page is. */
interface NextPage {
  readonly target: string | URL;
  /** No `Link` says that it is there, and the page before was shorter than asked for. */
  readonly isGuess: boolean;
  /** Where else it may be, if it is not there. */
  readonly otherwise?: URL | undefined;
}

/**
 * All entries of a list, page by page: behind `Link` headers, on the origin of the registry only, and where there is none
 * behind the last entry of a page that is full. Only the first page may say that there is no such list; whatever else fails
 * names its page.
 */
export async function* listPages<Entry>(
  host: RegistryHost,
  options: ListPagesOptions<Entry>,
): AsyncIterable<readonly Entry[]> {
  const { paging, signal } = options;
  const reader = new PageReader(host, options);
  const known = new Set<string>();
  let next: NextPage | undefined = reader.first();
  while (next !== undefined) {
    signal?.throwIfAborted();
    const page = await reader.read(next);
    if (page === undefined) return;
    const fresh = paging ? freshOf(page.entries, paging, known) : page.entries;
    yield fresh;
    next = reader.nextOf(page, fresh.length > 0);
  }
}

/** Entries that no page before has given: a server that does not know `last` begins anew. */
function freshOf<Entry>(
  entries: readonly Entry[],
  { markerOf }: Paging<Entry>,
  known: Set<string>,
): readonly Entry[] {
  return entries.filter((entry) => {
    const marker = markerOf(entry);
    if (known.has(marker)) return false;
    known.add(marker);
    return true;
  });
}

interface Page<Entry> {
  readonly response: HttpResponse;
  readonly entries: readonly Entry[];
}

class PageReader<Entry> {
  readonly #host: RegistryHost;
  readonly #options: ListPagesOptions<Entry>;
  readonly #seen = new Set<string>();
  /** Undefined: the server refuses to be told. */
  #size: number | undefined;
  #count = 0;
  #readBytes = 0;
  #hasLinks = false;

  constructor(host: RegistryHost, options: ListPagesOptions<Entry>) {
    this.#host = host;
    this.#options = options;
    this.#size = options.paging?.size;
  }

  first(): NextPage {
    return { target: this.#pathFrom(undefined), isGuess: false };
  }

  /** Undefined: there is no such page, and nobody has said that there is. */
  async read({ target, isGuess, otherwise }: NextPage): Promise<Page<Entry> | undefined> {
    this.#count += 1;
    const isSized = this.#count === 1 && this.#size !== undefined;
    const refusable = isGuess ? NO_SUCH_PAGE : isSized ? [400] : otherwise ? MISLED : [];
    const page = await this.#get(target, [200, ...refusable]);
    if (page.response.status === 200) return this.#parse(page);
    if (isGuess) return undefined;
    if (otherwise) return this.#parse(await this.#get(otherwise, [200]));
    // servers with a smaller limit refuse the number instead of lowering it
    this.#size = undefined;
    return this.#parse(await this.#get(this.#pathFrom(undefined), [200]));
  }

  nextOf({ response, entries }: Page<Entry>, isFresh: boolean): NextPage | undefined {
    const next = this.#linked(response) ?? (isFresh ? this.#behind(entries) : undefined);
    if (next === undefined) return undefined;
    const { href } = new URL(next.target, response.url);
    if (this.#seen.has(href) || this.#count >= PAGE_COUNT_LIMIT) {
      throw this.#refuse(response, "its pages do not come to an end");
    }
    return next;
  }

  #linked(response: HttpResponse): NextPage | undefined {
    const { url, headers } = response;
    let link: string | undefined;
    try {
      link = nextLinkOf(headers);
    } catch (error) {
      throw this.#refuse(response, error instanceof Error ? error.message : String(error));
    }
    if (link === undefined) return undefined;
    this.#hasLinks = true;
    const target = resolveOwnUrl(link, url);
    if (target === undefined) throw this.#refuse(response, `its Link "${link}" cannot be read`);
    if (target.origin !== url.origin) {
      throw this.#refuse(response, "its next page is on another host");
    }
    if (target.pathname === url.pathname) return { target, isGuess: false };
    // Artifactory forgets the path that a repository has in the registry
    const otherwise = new URL(url);
    otherwise.search = target.search;
    return { target, isGuess: false, otherwise };
  }

  /** Behind a page without `Link` that may not be the last one. */
  #behind(entries: readonly Entry[]): NextPage | undefined {
    const { paging } = this.#options;
    const last = entries.at(-1);
    if (paging === undefined || last === undefined) return undefined;
    const isFull = this.#size !== undefined && entries.length >= this.#size;
    const isGuess = !isFull && !this.#hasLinks && isLikelyLimit(entries.length);
    if (!isFull && !isGuess) return undefined;
    return { target: this.#pathFrom(paging.markerOf(last)), isGuess };
  }

  #pathFrom(last: string | undefined): string {
    const query = [
      ...(this.#size === undefined ? [] : [`n=${this.#size}`]),
      ...(last === undefined ? [] : [`last=${encodeURIComponent(last)}`]),
    ].join("&");
    return query === "" ? this.#options.path : `${this.#options.path}?${query}`;
  }

  #parse({ response, bytes }: ReadPage): Page<Entry> {
    const { url } = response;
    this.#seen.add(url.href);
    this.#readBytes += bytes.length;
    if (this.#readBytes > LIST_LIMIT_BYTES) {
      throw this.#refuse(response, `the list is longer than ${LIST_LIMIT_BYTES} bytes`);
    }
    const subject = `page ${this.#count} of the list ${url.host}${url.pathname}`;
    const type = essenceOf(headerOf(response.headers, "content-type") ?? "");
    if (type === "text/html") throw new WebPageError(subject, "it is a web page", A_PAGE);
    const document = parseStrictJson(bytes, subject);
    try {
      return { response, entries: this.#options.entriesOf(document) };
    } catch (error) {
      if (error instanceof ContentInvalidError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ContentInvalidError(subject, reason, { cause: error });
    }
  }

  async #get(target: string | URL, accepts: readonly number[]): Promise<ReadPage> {
    const { mayLeadTo, scopes, signal } = this.#options;
    const host = this.#host;
    const page = this.#count > 1 ? this.#count : undefined;
    const patience = host.createPatience("GET", target);
    for (;;) {
      const request = { method: "GET", target, scopes, accepts, signal, page, mayLeadTo };
      const response = await host.send(request);
      try {
        const bytes = await readBody(response, { limitBytes: PAGE_LIMIT_BYTES });
        if (bytes) return { response, bytes };
      } catch (error) {
        await patience.waitAfter(toUnreachableError(error, host.registry), signal);
        continue;
      }
      throw this.#refuse(response, `the page is larger than ${PAGE_LIMIT_BYTES} bytes`);
    }
  }

  #refuse({ url, status }: HttpResponse, objection: string): RegistryResponseError {
    const { registry } = this.#host;
    const page = this.#count > 1 ? this.#count : undefined;
    return new RegistryResponseError({ registry, method: "GET", url, status, objection, page });
  }
}

interface ReadPage {
  readonly response: HttpResponse;
  readonly bytes: Buffer;
}

/** Limits that servers have are round numbers: a page of another length has all there is. */
function isLikelyLimit(count: number): boolean {
  return count >= 10 && (count % 10 === 0 || Number.isInteger(Math.log2(count)));
}

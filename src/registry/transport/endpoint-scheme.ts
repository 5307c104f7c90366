import { Readable } from "node:stream";
import { RegistryUnreachableError } from "../errors.ts";
import type { UnreachableReason } from "../unreachable-reasons.ts";
import { readBody } from "./body.ts";
import { isLoopbackHost } from "./connect/address.ts";
import type { HttpResponse } from "./http.ts";

export interface EndpointSchemeOptions {
  readonly registry: string;
  /** Plain HTTP may be used for any host, not only for loopback ones. */
  readonly insecure: boolean;
}

/** The API of Docker Hub is not at the name that references have. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([["docker.io", "registry-1.docker.io"]]);

/** What shows that the other side does not speak the scheme that was tried. */
const WRONG_SCHEME: Readonly<Record<string, readonly UnreachableReason[]>> = {
  "http:": ["protocol", "reset"],
  "https:": ["plain-http", "tls", "refused", "protocol"],
};

/** Failures of the other scheme that say more than that of the first. */
const TELLING: ReadonlySet<UnreachableReason | undefined> = new Set([
  "certificate",
  "client-certificate",
  "proxy-denied",
]);

/** The unspecified address is no name for this machine to others: a proxy may be on the way to it. */
function isThisMachine(hostname: string): boolean {
  return isLoopbackHost(hostname) && hostname !== "0.0.0.0" && hostname !== "[::]";
}

/** Where the API of a registry is: `docker.io` → `registry-1.docker.io`. */
export function apiHostOf(registry: string): string {
  return API_HOSTS.get(registry) ?? registry;
}

/**
 * HTTP or HTTPS for one registry. HTTPS is the rule. Loopback hosts are asked by plain HTTP first and by HTTPS if they
 * turn out to speak TLS; with `insecure` other hosts are asked by HTTPS first. The first answer settles it: nothing is
 * downgraded later.
 */
export class EndpointScheme {
  readonly #candidates: readonly URL[];
  #baseUrl: URL;
  #isSettled: boolean;

  constructor({ registry, insecure }: EndpointSchemeOptions) {
    const host = apiHostOf(registry);
    const [https, http] = [new URL(`https://${host}`), new URL(`http://${host}`)];
    if (isThisMachine(https.hostname)) this.#candidates = [http, https];
    else this.#candidates = insecure ? [https, http] : [https];
    this.#baseUrl = this.#candidates[0] ?? https;
    this.#isSettled = this.#candidates.length === 1;
  }

  get baseUrl(): URL {
    return this.#baseUrl;
  }

  send(exchange: (baseUrl: URL) => Promise<HttpResponse>): Promise<HttpResponse> {
    return this.#isSettled ? exchange(this.#baseUrl) : this.#sendUnsettled(exchange);
  }

  async #sendUnsettled(exchange: (baseUrl: URL) => Promise<HttpResponse>): Promise<HttpResponse> {
    const [preferred, other] = this.#candidates;
    if (!preferred || !other) return await exchange(this.#baseUrl);
    try {
      const response = await refuseTlsComplaint(await exchange(preferred));
      // without its text a 400 may be the complaint of a TLS server: a later GET shall tell
      if (response.status !== 400) this.#settle(preferred);
      return response;
    } catch (failure) {
      if (!isWrongScheme(failure, preferred) || this.#isSettled) throw failure;
      return await this.#sendOther(exchange, { preferred, other, failure });
    }
  }

  async #sendOther(
    exchange: (baseUrl: URL) => Promise<HttpResponse>,
    { preferred, other, failure }: { preferred: URL; other: URL; failure: unknown },
  ): Promise<HttpResponse> {
    // what the exchange judges by the address, as a realm, is judged by the one that is tried
    this.#baseUrl = other;
    try {
      const response = await exchange(other);
      this.#settle(other);
      return response;
    } catch (otherFailure) {
      if (!this.#isSettled) this.#baseUrl = preferred;
      if (reasonOf(otherFailure) === undefined) throw otherFailure;
      // a certificate that is not trusted, for one, is an answer too: the host does speak TLS
      if (TELLING.has(reasonOf(otherFailure))) throw otherFailure;
      if (reasonOf(otherFailure) === "plain-http") this.#settle(preferred);
      throw failure;
    }
  }

  #settle(url: URL): void {
    this.#baseUrl = url;
    this.#isSettled = true;
  }
}

function isWrongScheme(failure: unknown, { protocol }: URL): boolean {
  const reason = reasonOf(failure);
  return reason !== undefined && (WRONG_SCHEME[protocol]?.includes(reason) ?? false);
}

/** Of the registry itself: where it sends us says nothing about its scheme. */
function reasonOf(failure: unknown): UnreachableReason | undefined {
  const isOwn = failure instanceof RegistryUnreachableError && failure.namedBy === undefined;
  return isOwn ? failure.reason : undefined;
}

const COMPLAINT_LIMIT_BYTES = 64 * 1024;

/** Go and nginx answer plain HTTP on a TLS port with a 400 that says so. */
async function refuseTlsComplaint(response: HttpResponse): Promise<HttpResponse> {
  if (response.status !== 400 || response.url.protocol !== "http:") return response;
  const limits = { limitBytes: COMPLAINT_LIMIT_BYTES, partialAfterMs: 1_000 };
  const bytes = (await readBody(response, limits)) ?? Buffer.alloc(0);
  if (/plain http request was sent to https|http request to an https server/i.test(String(bytes))) {
    throw new RegistryUnreachableError(response.url.host, {
      reason: "protocol",
      detail: "it expects HTTPS",
    });
  }
  return { ...response, body: Readable.from([bytes]), discard: async () => undefined };
}

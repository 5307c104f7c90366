import type { Clock } from "../../io/clock.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { Credential, CredentialSource } from "../auth/credentials.ts";
import type { Scope } from "../auth/scope.ts";
import { SentSecrets } from "../auth/sent-secrets.ts";
import type { TokenAccess } from "../auth/token-access.ts";
import { RegistryUnreachableError } from "../errors.ts";
import { redactUrl } from "../redact.ts";
import type { OnRegistryEvent } from "../registry-event.ts";
import { readResponseError } from "../response-error.ts";
import type { TransferThreads } from "../threads/transfer-threads.ts";
import { isInward, refusedReaches } from "../transport/connect/inward.ts";
import type { Transport } from "../transport/create-transport.ts";
import { EndpointScheme } from "../transport/endpoint-scheme.ts";
import type { ExchangeRecord } from "../transport/exchange-record.ts";
import { headerValues } from "../transport/headers.ts";
import type { HttpRequest, HttpResponse, SendRequest } from "../transport/http.ts";
import type { Quota } from "../transport/patience/quota.ts";
import { Patience, type Retry, retryClassOf } from "../transport/patience/retry.ts";
import { sendFollowing } from "../transport/redirect.ts";
import { AuthorizedSender } from "./authorized-sender.ts";
import { ExclusiveWork } from "./exclusive-work.ts";
import { createHostAuthorizer } from "./host-authorizer.ts";
import { createHostFacts, type HostFacts } from "./host-facts.ts";
import { HostPace } from "./host-pace.ts";
import type { HostRequest } from "./host-request.ts";
import { HostWarnings } from "./host-warnings.ts";
import { Pilot } from "./pilot.ts";
import type { RateStates } from "./rate-states.ts";
import { readRefusal } from "./read-refusal.ts";

export interface RegistryHostOptions {
  /** As in references: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  readonly transport: Transport;
  readonly threads: TransferThreads;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly insecure: boolean;
  readonly retryTimeoutMs: number;
  readonly requestsPerSecond?: number | undefined;
  readonly burst?: number | undefined;
  /** What earlier runs have learnt of how fast registries may be asked. */
  readonly states?: RateStates | undefined;
  readonly partSizeBytes?: number | undefined;
  readonly onEvent: OnRegistryEvent;
  /** What a server that is no registry is taken to ask for where it does not say; default: `/v2/` tells. */
  readonly challenges?: readonly string[] | undefined;
}

/** One registry: its address, how it authenticates, how fast it may be asked, what was learnt about it. */
export class RegistryHost {
  readonly registry: string;
  readonly facts: HostFacts;
  readonly clock: Clock;
  readonly onEvent: OnRegistryEvent;
  /** What moves large blobs. */
  readonly threads: TransferThreads;
  /** What is read, changed and written back on the registry. */
  readonly exclusive = new ExclusiveWork();
  readonly #options: RegistryHostOptions;
  readonly #scheme: EndpointScheme;
  readonly #authorizer: Authorizer;
  readonly #sender: AuthorizedSender;
  readonly #pace: HostPace;
  readonly #secrets = new SentSecrets();
  readonly #warnings: HostWarnings;
  readonly #answered = new Set<string>();
  readonly #pilot = new Pilot();

  constructor(options: RegistryHostOptions) {
    const { registry, clock, onEvent } = options;
    this.#options = options;
    this.registry = registry;
    this.threads = options.threads;
    this.clock = clock;
    this.onEvent = onEvent;
    this.facts = createHostFacts(registry, options.partSizeBytes);
    this.#warnings = new HostWarnings({ registry, onEvent, redact: this.#secrets.redact });
    this.#scheme = new EndpointScheme(options);
    this.#pace = new HostPace(options);
    this.#authorizer = createHostAuthorizer({
      ...options,
      ...{ secrets: this.#secrets, baseUrl: () => this.baseUrl, reachOfHost: this.reachOfHost },
      send: this.#exchange,
      guard: (request) => this.#guard(request, "the token realm"),
      onRealmElsewhere: (realmHost) =>
        this.#warnings.warn(
          "REALM_ELSEWHERE",
          `Registry "${registry}" has logins checked by "${realmHost}"`,
        ),
    });
    const ask = async () => options.challenges ?? (await this.#askChallenges());
    this.#sender = new AuthorizedSender({ authorizer: this.#authorizer, clock, ask });
  }

  /** `basic`, `bearer`; undefined as long as the registry has not asked for a login. */
  get loginScheme(): string | undefined {
    return this.#authorizer.challenge?.scheme;
  }

  /** Where tokens come from. */
  get realm(): string | undefined {
    return this.#authorizer.challenge?.parameters.get("realm");
  }

  /** The credential that requests for these scopes are sent with. */
  credential(scopes: readonly Scope[]): Promise<Credential | undefined> {
    return this.#authorizer.credential(scopes);
  }

  /** What the token for these scopes says it is for; undefined: no token is used. */
  tokenAccess(scopes: readonly Scope[]): Promise<TokenAccess | undefined> {
    return this.#authorizer.tokenAccess(scopes);
  }

  /** How many requests the registry has left for us, if it has said so. */
  get quota(): Quota | undefined {
    return this.#pace.quota;
  }

  get baseUrl(): URL {
    return this.#scheme.baseUrl;
  }

  readonly reachOfHost = (hostname: string) =>
    this.#options.transport.reachOfHost(hostname) ?? this.threads.reachOfHost(hostname);

  /** Sends a request until it is answered or patience ends. */
  async send(request: HostRequest): Promise<HttpResponse> {
    let patience: Patience | undefined;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.sendOnce(attempt === 1 ? request : { ...request, attempt });
      } catch (failure) {
        patience ??= this.createPatience(request.method, request.target);
        const retryClass = retryClassOf(failure, request);
        await patience.waitAfter(failure, request.signal, retryClass);
      }
    }
  }

  /** Sends a request once: for callers that have to look at the state of the server before the next attempt. */
  async sendOnce(request: HostRequest): Promise<HttpResponse> {
    const path = typeof request.target === "string" ? request.target : request.target.pathname;
    const startedAt = await this.#pace.pass(path, request.signal);
    const response = await this.#pilot.lead(
      () => this.#scheme.send((baseUrl) => this.#sendAuthorized(request, baseUrl)),
      request.signal,
    );
    this.#warnings.note(response);
    this.#pace.note(response.headers);
    if (request.accepts.includes(response.status)) {
      this.#pace.reportSuccess();
      return response;
    }
    const [authorizer, { redact }] = [this.#authorizer, this.#secrets];
    const { registry, baseUrl } = this;
    const error = await readRefusal(request, response, { registry, baseUrl, authorizer, redact });
    if (error.code === "REGISTRY_LIMITED") this.#pace.reportLimited(startedAt);
    throw error;
  }

  createPatience(method: string, target: string | URL): Patience {
    const { registry, clock } = this;
    const { retryTimeoutMs } = this.#options;
    return new Patience({
      clock,
      gate: this.#pace.gate,
      timeoutMs: retryTimeoutMs,
      hasAnswered: (host) =>
        this.#answered.has(host) || (host === registry && this.#pilot.hasArrived),
      onRetry: (retry: Retry) => {
        const path = typeof target === "string" ? target.replace(/\?.*$/s, "") : target.pathname;
        this.onEvent({ type: "retrying", registry, method, path, ...retry });
      },
    });
  }

  async #sendAuthorized(request: HostRequest, baseUrl: URL): Promise<HttpResponse> {
    const url = new URL(request.target, baseUrl);
    // a location on another origin is used without credentials
    if (url.origin !== baseUrl.origin) return await this.#sendElsewhere(request, url);
    const { method, scopes, minimumLifeMs, signal } = request;
    return await this.#sender.send({
      ...{ method, scopes, minimumLifeMs, signal },
      send: (authorization) => this.#sendHttp(request, url, authorization),
      isOwn: (response) => response.url.origin === baseUrl.origin,
    });
  }

  async #sendElsewhere(request: HostRequest, url: URL): Promise<HttpResponse> {
    const guarded = this.#guard({ ...request, url }, "an address");
    if (isInward(this.baseUrl, url, this.reachOfHost)) {
      const { namedBy } = guarded;
      throw new RegistryUnreachableError(url.host, { reason: "inward", namedBy });
    }
    return await this.#sendHttp(guarded, url, undefined);
  }

  /** A request to where the registry has sent us. */
  #guard<Request extends { readonly url: URL }>(request: Request, what: string) {
    const { registry, baseUrl, reachOfHost } = this;
    const isOwnHost = request.url.hostname === baseUrl.hostname;
    return {
      ...request,
      namedBy: `${what} of registry "${registry}"`,
      refuses: isOwnHost ? [] : refusedReaches(baseUrl, reachOfHost),
    };
  }

  /** The challenges of the base of the API, which registries show that hide what is below it. */
  async #askChallenges(): Promise<readonly string[]> {
    const url = new URL("/v2/", this.baseUrl);
    const request = { method: "GET", target: url, scopes: [], accepts: [] };
    const response = await this.#sendHttp(request, url, undefined);
    if (response.status >= 500 || response.status === 429) {
      const options = { registry: this.registry, redact: this.#secrets.redact, isIndirect: true };
      throw await readResponseError({ method: "GET", url, headers: {} }, response, options);
    }
    await response.discard();
    const isOwn = response.url.origin === url.origin;
    return isOwn && response.status === 401
      ? headerValues(response.headers, "www-authenticate")
      : [];
  }

  async #sendHttp(
    request: HostRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const headers = authorization ? { ...request.headers, authorization } : (request.headers ?? {});
    const movesBlob = isOfBlob(request);
    this.#secrets.note({ headers });
    const { registry, reachOfHost } = this;
    return await sendFollowing(
      this.#exchange,
      // with what only a host makes something of: to leave that out of each took longer than all else here
      { ...request, url, headers, movesBlob },
      { registry, reachOfHost },
    );
  }

  /** Sends one request and remembers who has answered. */
  readonly #exchange: SendRequest = async (request) => {
    const onEnd = (record: ExchangeRecord) => this.#tellRequest(request, record);
    const response = await this.#options.transport.send({ ...request, onEnd });
    this.#answered.add(request.url.host);
    return response;
  };

  #tellRequest({ method, url, attempt = 1 }: HttpRequest, record: ExchangeRecord): void {
    const { registry, baseUrl } = this;
    const shown = redactUrl(url);
    const path = url.origin === baseUrl.origin ? shown.slice(url.origin.length) : shown;
    const { status, connection, sentBytes, receivedBytes, milliseconds } = record;
    const asked = { type: "request", registry, method, path } as const;
    const told = { sentBytes, receivedBytes, milliseconds, attempt };
    this.onEvent({
      ...(status === undefined ? asked : { ...asked, status }),
      ...(connection === undefined ? told : { ...told, connection }),
    });
  }
}

function isOfBlob({ target, body }: HostRequest): boolean {
  // the place of an upload can have any path
  if (body !== undefined && !Buffer.isBuffer(body)) return true;
  return /\/blobs\//.test(typeof target === "string" ? target : target.pathname);
}

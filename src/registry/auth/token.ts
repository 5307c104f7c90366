import type { Clock } from "../../io/clock.ts";
import { coversScopes, type Scope, scopeKey } from "./scope.ts";

/** What one token is for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly Scope[];
}

export interface IssuedToken {
  readonly token: string;
  /** Lifetime from the moment of receipt. */
  readonly lifetimeMs: number;
}

/** A token as it is handed out. */
export interface HeldToken {
  readonly token: string;
  /** It was there already, and may have ended since. */
  readonly isKept: boolean;
}

export type IssueToken = (request: TokenRequest) => Promise<IssuedToken>;

/** Life that has to be left when a token is handed out, unless its whole life is shorter than twice that. */
const MARGIN_MS = 10_000;

interface CachedToken extends IssuedToken {
  readonly scopes: readonly Scope[];
  readonly receivedAt: number;
}

/**
 * Tokens by realm, service and scope set. However many requests wait for one token, it is asked for once. Expiry
 * counts from the receipt by the local clock: servers' clocks are wrong too often.
 */
export class TokenCache {
  readonly #clock: Clock;
  readonly #issue: IssueToken;
  readonly #tokens = new Map<string, Map<string, CachedToken>>();
  readonly #pending = new Map<string, Promise<string>>();

  constructor(clock: Clock, issue: IssueToken) {
    this.#clock = clock;
    this.#issue = issue;
  }

  /** A token that covers the scopes and has at least `minimumLifeMs` left, as far as the server gives such. */
  async token(request: TokenRequest, minimumLifeMs: number = MARGIN_MS): Promise<HeldToken> {
    const cached = this.#find(request, minimumLifeMs);
    if (cached !== undefined) return { token: cached, isKept: true };
    const key = `${serverKey(request)} ${scopeKey(request.scopes)}`;
    const pending = this.#pending.get(key) ?? this.#start(key, request);
    return { token: await pending, isKept: false };
  }

  /**
   * Forgets a token that the registry refused, and all that would be tried next in its place: tokens that are not
   * younger have most likely ended with it.
   */
  drop(token: string, scopes: readonly Scope[]): void {
    for (const tokens of this.#tokens.values()) {
      const refused = [...tokens.values()].find((cached) => cached.token === token);
      if (!refused) continue;
      for (const [key, cached] of tokens) {
        const isNext =
          cached.receivedAt <= refused.receivedAt && coversScopes(cached.scopes, scopes);
        if (cached === refused || isNext) tokens.delete(key);
      }
    }
  }

  #start(key: string, request: TokenRequest): Promise<string> {
    const pending = this.#request(request).finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }

  async #request(request: TokenRequest): Promise<string> {
    const issued = await this.#issue(request);
    const server = serverKey(request);
    const tokens = this.#tokens.get(server) ?? new Map<string, CachedToken>();
    const { scopes } = request;
    tokens.set(scopeKey(scopes), { ...issued, scopes, receivedAt: this.#clock.now() });
    this.#tokens.set(server, tokens);
    return issued.token;
  }

  /** The token of exactly these scopes, else one of more. */
  #find(request: TokenRequest, minimumLifeMs: number): string | undefined {
    const tokens = this.#tokens.get(serverKey(request));
    const exact = tokens?.get(scopeKey(request.scopes));
    if (exact && this.#isFresh(exact, minimumLifeMs)) return exact.token;
    const resource = (request.scopes[0] ?? "").replace(/[^:]*$/, "");
    for (const [key, cached] of tokens ?? []) {
      if (!key.includes(resource)) continue;
      if (!this.#isFresh(cached, 0)) tokens?.delete(key);
      else if (
        this.#isFresh(cached, minimumLifeMs) &&
        coversScopes(cached.scopes, request.scopes)
      ) {
        return cached.token;
      }
    }
    return undefined;
  }

  #isFresh({ receivedAt, lifetimeMs }: CachedToken, minimumLifeMs: number): boolean {
    const left = receivedAt + lifetimeMs - this.#clock.now();
    return left > Math.min(minimumLifeMs, lifetimeMs / 2);
  }
}

function serverKey({ realm, service }: TokenRequest): string {
  return `${realm.href} ${service ?? ""}`;
}

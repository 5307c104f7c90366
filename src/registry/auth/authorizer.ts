import { isDeepStrictEqual } from "node:util";
import { call, option } from "../../option.ts";
import { type Challenge, parseChallenges, selectChallenge } from "./challenge.ts";
import { type Credential, type CredentialSource, describeCredential } from "./credentials.ts";
import { mergeScopes, parseScopes, repositoryOfScopes, type Scope } from "./scope.ts";
import type { TokenCache, TokenRequest } from "./token.ts";
import { parseTokenAccess, type TokenAccess } from "./token-access.ts";
import { basicAuthorization } from "./token-exchange.ts";

/** What a registry denied: the login itself, or what the login may do. */
export type Denied = "login" | "access";

export interface AuthorizerOptions {
  readonly registry: string;
  readonly credentials: CredentialSource;
  readonly tokens: TokenCache;
  /** Checks a realm before anything is sent there; throws if it must not be used. */
  readonly checkRealm: (realm: string, use: RealmUse) => URL;
}

export interface RealmUse {
  /** Whether the realm will be sent a password or token of the user. */
  readonly hasCredential: boolean;
}

export interface AuthorizeOptions {
  readonly scopes: readonly Scope[];
  /** How long the authorization should stay valid, for long uploads. */
  readonly minimumLifeMs?: number | undefined;
}

/** What a request is sent with. */
export interface Authorization {
  /** Of the `Authorization` header. */
  readonly value: string;
  /** It was not asked for just now, and may have ended since. */
  readonly isKept: boolean;
}

export interface Refused {
  /** `WWW-Authenticate` lines of the 401. */
  readonly challenges: readonly string[];
  /** The `Authorization` that was refused. */
  readonly authorization: string | undefined;
  readonly scopes: readonly Scope[];
}

/**
 * Learns from the challenges of one registry how to authorize requests to it. No ping: a registry may let everything
 * pass, challenge at once, or challenge late and only for some repositories.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #challenge: Challenge | undefined;
  /** By repository: files may have logins for parts of a registry. */
  readonly #credentials = new Map<string | undefined, Promise<Credential | undefined>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Whether a challenge has been seen, so that requests need not be refused first. */
  get isInformed(): boolean {
    return this.#challenge !== undefined;
  }

  async authorize(options: AuthorizeOptions): Promise<Authorization | undefined> {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    const credential = await this.credential(options.scopes);
    if (challenge.scheme === "basic") {
      if (credential?.kind !== "password") return undefined;
      return { value: basicAuthorization(credential), isKept: true };
    }
    if (credential?.kind === "registry-token") {
      return { value: `Bearer ${credential.registryToken}`, isKept: false };
    }
    const hasCredential = credential !== undefined;
    const request = this.#tokenRequest(challenge, { ...options, hasCredential });
    const { token, isKept } = await this.#options.tokens.token(request, options.minimumLifeMs);
    return { value: `Bearer ${token}`, isKept };
  }

  /** Gives up an authorization that may have ended; false if there will be no other one. */
  async renew(authorization: string, scopes: readonly Scope[]): Promise<boolean> {
    if (!authorization.startsWith("Bearer ")) {
      return await this.#hasOtherPassword(authorization, scopes);
    }
    this.#options.tokens.drop(authorization.slice("Bearer ".length), scopes);
    return true;
  }

  /** What the token for these scopes says it is for; undefined: no token is used. */
  async tokenAccess(scopes: readonly Scope[]): Promise<TokenAccess | undefined> {
    const [scheme, token] = (await this.authorize({ scopes }))?.value.split(" ") ?? [];
    return scheme === "Bearer" && token !== undefined ? parseTokenAccess(token) : undefined;
  }

  /** What to ask for after a 401; undefined when nothing is left to try. */
  async answer({
    challenges,
    authorization,
    scopes,
  }: Refused): Promise<readonly Scope[] | undefined> {
    const challenge = selectChallenge(parseChallenges(challenges));
    if (!challenge) return undefined;
    this.#challenge = challenge;
    if (challenge.scheme === "basic") {
      return (await this.#hasOtherPassword(authorization, scopes)) ? scopes : undefined;
    }
    if (authorization?.startsWith("Bearer ")) {
      this.#options.tokens.drop(authorization.slice("Bearer ".length), scopes);
    }
    // what the server demands comes first: some servers look at the first scope only
    return mergeScopes([...parseScopes(challenge.parameters.get("scope") ?? ""), ...scopes]);
  }

  /** How the registry wants to be asked, once it has said so. */
  get challenge(): Challenge | undefined {
    return this.#challenge;
  }

  credential(scopes: readonly Scope[]): Promise<Credential | undefined> {
    const repository = repositoryOfScopes(scopes);
    const known = this.#credentials.get(repository);
    if (known !== undefined) return known;
    const credential = this.#options.credentials(this.#options.registry, { repository });
    this.#credentials.set(repository, credential);
    return credential;
  }

  /** Asks the source once more; undefined if it says the same: credentials of helpers expire. */
  async renewCredential(scopes: readonly Scope[]): Promise<Credential | undefined> {
    const old = await this.credential(scopes);
    const repository = repositoryOfScopes(scopes);
    const { credentials, registry } = this.#options;
    const renewal = credentials(registry, { repository, isRenewal: true });
    this.#credentials.set(repository, renewal);
    const renewed = await renewal;
    return isDeepStrictEqual(old, renewed) ? undefined : renewed;
  }

  /** One sentence on what a user can do about a denial: of who we are, or of what we may do. */
  async denialHint(scopes: readonly Scope[], denied: Denied): Promise<string> {
    const { registry } = this.#options;
    const credential = await this.credential(scopes);
    const remedy = `keep one for "${registry}" with ${call("storeLogin")}, or use ${option("login")} and ${option("password")}`;
    if (credential === undefined) {
      return `No credentials were found for "${registry}": ${remedy}`;
    }
    const who = describeCredential(credential);
    return denied === "login"
      ? `The registry refuses the login of ${who}: check its name and password; to use another one, ${remedy}`
      : `Check the permissions of ${who}; to use another one, ${remedy}`;
  }

  async #hasOtherPassword(refused: string | undefined, scopes: readonly Scope[]): Promise<boolean> {
    const credential = await (refused === undefined
      ? this.credential(scopes)
      : this.renewCredential(scopes));
    return credential?.kind === "password" && basicAuthorization(credential) !== refused;
  }

  #tokenRequest(
    { parameters }: Challenge,
    { scopes, ...use }: AuthorizeOptions & RealmUse,
  ): TokenRequest {
    return {
      realm: this.#options.checkRealm(parameters.get("realm") ?? "", use),
      service: parameters.get("service"),
      scopes,
    };
  }
}

import { RegistryResponseError } from "../errors.ts";
import { readResponseError } from "../response-error.ts";
import { readBody } from "../transport/body.ts";
import type { HttpRequest, HttpResponse, SendRequest } from "../transport/http.ts";
import type { Denied } from "./authorizer.ts";
import type { Credential } from "./credentials.ts";
import type { Scope } from "./scope.ts";
import type { IssuedToken, IssueToken, TokenRequest } from "./token.ts";
import { parseTokenAnswer, planTokenRequests, TOKEN_LIMIT_BYTES } from "./token-exchange.ts";

export interface TokenIssuerOptions {
  readonly registry: string;
  readonly send: SendRequest;
  readonly credential: (scopes: readonly Scope[]) => Promise<Credential | undefined>;
  /** Another credential than before, if there is one now. */
  readonly renewCredential: (scopes: readonly Scope[]) => Promise<Credential | undefined>;
  /** Takes secrets out of what the server says. */
  readonly redact: (text: string) => string;
  readonly denialHint: (scopes: readonly Scope[], denied: Denied) => Promise<string>;
}

/** Statuses by which servers say that they do not know this way of asking. */
const METHOD_UNKNOWN: ReadonlySet<number> = new Set([404, 405]);

/**
 * Asks token servers. A refused credential is looked up once more. Nothing else is tried again here: the request that
 * needs the token is.
 */
export function createTokenIssuer(options: TokenIssuerOptions): IssueToken {
  return async (request) => {
    const credential = await options.credential(request.scopes);
    try {
      return await issue(request, credential, options);
    } catch (error) {
      if (!credential || !isDenied(error)) throw error;
      const renewed = await options.renewCredential(request.scopes);
      if (!renewed) throw error;
      return await issue(request, renewed, options);
    }
  };
}

async function issue(
  request: TokenRequest,
  credential: Credential | undefined,
  { registry, send, redact, denialHint }: TokenIssuerOptions,
): Promise<IssuedToken> {
  let failure: unknown;
  for (const plan of planTokenRequests(request, credential)) {
    const response = await send(plan);
    if (response.status === 200) return await readToken(plan, response, registry);
    const hint = [400, 401, 403].includes(response.status)
      ? await denialHint(request.scopes, response.status === 401 ? "login" : "access")
      : undefined;
    const options = { registry, hint, redact, isIndirect: true };
    const error = await readResponseError(plan, response, options);
    failure ??= error;
    if (!METHOD_UNKNOWN.has(error.status)) throw error;
  }
  throw failure;
}

function isDenied(error: unknown): boolean {
  return error instanceof RegistryResponseError && error.code === "REGISTRY_DENIED";
}

async function readToken(
  { method }: HttpRequest,
  response: HttpResponse,
  registry: string,
): Promise<IssuedToken> {
  const bytes = await readBody(response, { limitBytes: TOKEN_LIMIT_BYTES });
  const issued = bytes && parseTokenAnswer(bytes);
  if (issued) return issued;
  const { url, status } = response;
  const objection = bytes ? "it contains no token" : "the token answer is too long";
  throw new RegistryResponseError({ registry, method, url, status, objection });
}

import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import {
  errorResponse,
  jsonResponse,
  type RegistryMiddleware,
  type RegistryRequest,
  type RegistryResponse,
} from "../../../src/server/message.ts";
import { MARKER } from "../secrets.ts";
import { type FaultContext, type FaultMaker, kindOf, repositoryOf } from "./fault.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface BearerOptions {
  readonly scheme: "bearer";
  /** Who gets tokens; default everybody. */
  readonly credentials?: Credentials;
  /** Takes this refresh token (`identitytoken` in credential files) as well. */
  readonly identityToken?: string;
  /** Seconds that a token lives; default 300. */
  readonly lifeSeconds?: number;
  /** Requests that a token lives; default: any number. */
  readonly lifeRequests?: number;
  /** Leaves `expires_in` away: tokens then live 60 seconds (distribution, "Token Response Fields"). */
  readonly expiresIn?: "absent";
  /** Where the answer has the token; default `token`. */
  readonly field?: "token" | "access_token" | "both";
  /** What POST to the token server gets; default: it works. */
  readonly post?: 400 | 401 | 404 | 405;
  /** Only the first `scope` parameter of a request for a token counts. */
  readonly scopes?: "first";
  /** Actions that tokens never get, for example `push`. */
  readonly withheld?: readonly string[];
  /** `jwt`: says what it is for, as those of most registries do; default: tells nothing. */
  readonly tokens?: "jwt";
  /** Everybody may read, and is not asked who they are. */
  readonly openTo?: "readers";
  /** Default: Bearer alone. With both schemes each of them works. */
  readonly challenges?: "both-in-one-header" | "both-in-two-headers";
}

export type AuthFault = ({ readonly scheme: "basic" } & Credentials) | BearerOptions;

export const auth: FaultMaker<AuthFault> = (options, context) =>
  options.scheme === "basic" ? requireBasic(options) : requireBearer(options, context);

function requireBasic(credentials: Credentials): RegistryMiddleware {
  return async (request, next) => {
    if (isBasic(request, credentials)) return next(request);
    return unauthorized({ "www-authenticate": 'Basic realm="registry"' });
  };
}

interface Token {
  readonly access: ReadonlySet<string>;
  readonly expiresAt: number;
  leftRequests: number;
}

function requireBearer(options: BearerOptions, context: FaultContext): RegistryMiddleware {
  const tokens = new Map<string, Token>();
  return async (request, next) => {
    if (kindOf(request) === "token") return issueToken(request, { options, context, tokens });
    if (options.challenges !== undefined && isBasic(request, options.credentials)) {
      return next(request);
    }
    const token = tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    const wanted = accessOf(request);
    if (token === undefined) {
      return isOpen(options, wanted) ? next(request) : challenge(request, options, wanted);
    }
    const error = objectionTo(token, wanted, context.now());
    if (error !== undefined) return challenge(request, options, wanted, error);
    return next(request);
  };
}

function objectionTo(token: Token, wanted: readonly string[], now: number): string | undefined {
  if (token.expiresAt <= now || token.leftRequests-- <= 0) return "invalid_token";
  return wanted.every((access) => token.access.has(access)) ? undefined : "insufficient_scope";
}

function isOpen({ openTo }: BearerOptions, wanted: readonly string[]): boolean {
  return openTo === "readers" && wanted.every((access) => access.endsWith(":pull"));
}

/** What a request needs, one string per action: `acme/web:pull`. */
function accessOf(request: RegistryRequest): string[] {
  const kind = kindOf(request);
  if (kind === "base" || kind === "other") return [];
  const repository = repositoryOf(request);
  const isRead = request.method === "GET" || request.method === "HEAD";
  const isPull = isRead && kind !== "upload";
  if (isPull) return [`${repository}:pull`];
  const from = request.query.get("from");
  const own = [`${repository}:pull`, `${repository}:push`];
  return from === null ? own : [...own, `${from}:pull`];
}

function challenge(
  { headers }: RegistryRequest,
  { challenges }: BearerOptions,
  wanted: readonly string[],
  error?: string,
): RegistryResponse {
  const parameters = [
    `realm="http://${headers.host}/token"`,
    'service="fault-registry"',
    ...(wanted.length > 0 ? [`scope="${formatScopes(wanted)}"`] : []),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  const bearer = `Bearer ${parameters.join(",")}`;
  const basic = 'Basic realm="a, b"';
  if (challenges === undefined) return unauthorized({ "www-authenticate": bearer });
  const both = challenges === "both-in-one-header" ? `${basic}, ${bearer}` : [basic, bearer];
  return unauthorized({ "www-authenticate": both });
}

/** `a:pull`, `a:push`, `b:pull` → `repository:a:pull,push repository:b:pull` */
function formatScopes(wanted: readonly string[]): string {
  const actions = new Map<string, string[]>();
  for (const access of wanted) {
    const [repository = "", action = ""] = access.split(":");
    actions.set(repository, [...(actions.get(repository) ?? []), action]);
  }
  return [...actions].map(([name, list]) => `repository:${name}:${list.join(",")}`).join(" ");
}

interface TokenServer {
  readonly options: BearerOptions;
  readonly context: FaultContext;
  readonly tokens: Map<string, Token>;
}

async function issueToken(
  request: RegistryRequest,
  { context, options, tokens }: TokenServer,
): Promise<RegistryResponse> {
  if (request.method === "POST" && options.post !== undefined) {
    return errorResponse(options.post, { code: "UNSUPPORTED", message: "use GET" });
  }
  const form =
    request.method === "POST" ? new URLSearchParams(await text(request.body)) : undefined;
  const isKnown = form ? isKnownForm(form, options) : isKnownUser(request, options);
  if (!isKnown) return unauthorized({});
  const scopes = (form ?? request.query).getAll("scope").flatMap((scope) => scope.split(" "));
  const granted = options.scopes === "first" ? scopes.slice(0, 1) : scopes;
  const access = granted.flatMap((scope) => parseScope(scope, options.withheld ?? []));
  const signature = `${MARKER}-${randomUUID()}`;
  const token = options.tokens === "jwt" ? createJwt(access, signature) : signature;
  const lifeSeconds = options.expiresIn === "absent" ? 60 : (options.lifeSeconds ?? 300);
  tokens.set(token, {
    access: new Set(access),
    expiresAt: context.now() + lifeSeconds * 1000,
    leftRequests: options.lifeRequests ?? Number.POSITIVE_INFINITY,
  });
  const { field = form ? "access_token" : "token" } = options;
  return jsonResponse(200, {
    ...(field === "access_token" ? {} : { token }),
    ...(field === "token" ? {} : { access_token: token }),
    ...(options.expiresIn === "absent" ? {} : { expires_in: lifeSeconds }),
    issued_at: new Date(context.now()).toISOString(),
  });
}

/** Claims as in distribution's "Token Authentication Implementation". */
function createJwt(granted: readonly string[], signature: string): string {
  const access = granted.map((entry) => {
    const [name, action] = entry.split(":");
    return { type: "repository", name, actions: [action] };
  });
  const parts = [
    JSON.stringify({ alg: "ES256", typ: "JWT" }),
    JSON.stringify({ access }),
    signature,
  ];
  return parts.map((part) => Buffer.from(part).toString("base64url")).join(".");
}

/** `repository:a:pull,push` → `a:pull`, `a:push` */
function parseScope(scope: string, withheld: readonly string[]): string[] {
  const [, repository = "", actions = ""] = /^repository:(.+):([^:]+)$/.exec(scope) ?? [];
  return actions
    .split(",")
    .filter((action) => action !== "" && !withheld.includes(action))
    .map((action) => `${repository}:${action}`);
}

function isKnownUser(request: RegistryRequest, { credentials }: BearerOptions): boolean {
  return credentials === undefined || isBasic(request, credentials);
}

function isKnownForm(
  form: URLSearchParams,
  { credentials, identityToken }: BearerOptions,
): boolean {
  switch (form.get("grant_type")) {
    case "refresh_token":
      return identityToken !== undefined && form.get("refresh_token") === identityToken;
    case "password":
      return (
        form.get("username") === credentials?.username &&
        form.get("password") === credentials?.password
      );
    default:
      return false;
  }
}

function isBasic({ headers }: RegistryRequest, credentials: Credentials | undefined): boolean {
  if (credentials === undefined) return false;
  const { password, username } = credentials;
  const expected = Buffer.from(`${username}:${password}`).toString("base64");
  return headers.authorization === `Basic ${expected}`;
}

function unauthorized(headers: RegistryResponse["headers"]): RegistryResponse {
  const error = { code: "UNAUTHORIZED", message: "authentication is needed" };
  return errorResponse(401, error, headers);
}

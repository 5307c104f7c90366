import { OptionInvalidError } from "../../errors.ts";
import { isNamespace } from "../../oci/namespace.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import { canonicalNamespace } from "../namespace-names.ts";

/** A registry that images are fetched from when they are asked for. */
export interface UpstreamSpec {
  /** The name that it has in image names: `docker.io`. */
  readonly namespace: string;
  /** Host that is asked, with its port. */
  readonly registry: string;
  /** Whether it is asked by plain HTTP. */
  readonly isPlainHttp: boolean;
  /** Repositories are below this path there; may be empty. */
  readonly path: string;
  readonly login?: UpstreamLogin;
}

export interface UpstreamLogin {
  readonly username: string;
  readonly password: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** What `default` stands for. */
const DEFAULT_UPSTREAMS = [
  "docker.io",
  "ghcr.io",
  "quay.io",
  "registry.k8s.io",
  "gcr.io",
  "docker.elastic.co",
  "mcr.microsoft.com",
];

/**
 * Parses `[user:password@]host[=url]`, several of them in one text with commas in between. `${VAR}`, `${VAR:-default}`
 * and `${VAR:=default}` stand for the user or the password, or a part of them. Everything that is wrong is named at once, without
 * passwords. What is named overrides what `default` brings; an empty text stands for none.
 */
export function parseUpstreams(
  texts: readonly string[],
  variables: Variables,
): readonly UpstreamSpec[] {
  const problems: string[] = [];
  const found = new Map<string, UpstreamSpec>();
  const named = texts.flatMap(splitAtCommas).filter((text) => text !== "");
  for (const text of named.filter((name) => name !== "default")) {
    const parsed = parseUpstream(text, variables);
    if (typeof parsed === "string") problems.push(parsed);
    else if (found.has(parsed.namespace)) problems.push(`${parsed.namespace} is named twice`);
    else found.set(parsed.namespace, parsed);
  }
  if (problems.length > 0) {
    throw new OptionInvalidError("upstreams", problems.join("; "), {
      hint: `Write HOST, HOST=URL or USER:PASSWORD@HOST=URL; \${NAME} takes a variable of the environment`,
    });
  }
  if (!named.includes("default")) return [...found.values()];
  const defaults = DEFAULT_UPSTREAMS.filter((namespace) => !found.has(namespace));
  return [...defaults.map(toUpstream), ...found.values()];
}

function toUpstream(namespace: string): UpstreamSpec {
  return { namespace, registry: namespace, isPlainHttp: false, path: "" };
}

const PLACEHOLDER = /\$\{([A-Za-z_]\w*)(?::[-=]([^}]*))?\}/g;

/** What stands between the signs of a placeholder is no separator. */
function masked(text: string): string {
  return text.replace(PLACEHOLDER, (found) => "$".repeat(found.length));
}

function splitAtCommas(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (const { index } of masked(text).matchAll(/,|$/g)) {
    parts.push(text.slice(start, index).trim());
    start = index + 1;
  }
  return parts;
}

/** The specification, or what is wrong with it. */
function parseUpstream(text: string, variables: Variables): UpstreamSpec | string {
  const { credentials, host, url } = splitParts(text);
  const shown = show(text, credentials);
  const namespace = canonicalNamespace(host);
  if (host === "") return `${shown} names no host`;
  if (!isNamespace(namespace)) return `${shown}: "${host}" is no host`;
  const place = url === undefined ? toUpstream(namespace) : parsePlace(namespace, url);
  if (typeof place === "string") return `${shown}: ${place}`;
  if (credentials === undefined) return place;
  const login = parseLogin(credentials, { namespace, variables, shown });
  if (typeof login === "string") return login;
  return login === undefined ? place : { ...place, login };
}

interface SpecParts {
  readonly credentials: string | undefined;
  readonly host: string;
  readonly url: string | undefined;
}

/** A password may have `@` and `=`, so the last `@` before the address counts, and the `=` behind it. */
function splitParts(text: string): SpecParts {
  const mask = masked(text);
  const scheme = mask.search(/=https?:\/\//i);
  const at = mask.lastIndexOf("@", scheme < 0 ? mask.length : scheme);
  const equals = mask.indexOf("=", at + 1);
  return {
    credentials: at < 0 ? undefined : text.slice(0, at),
    host: text.slice(at + 1, equals < 0 ? undefined : equals),
    url: equals < 0 ? undefined : text.slice(equals + 1),
  };
}

/** Whatever may be a password stays out of messages. */
function show(text: string, credentials: string | undefined): string {
  if (credentials === undefined) return `"${text.replace(/\/\/.*@/, "//***@")}"`;
  const colon = masked(credentials).indexOf(":");
  const user = colon < 0 ? credentials : `${credentials.slice(0, colon)}:***`;
  return `"${user}${text.slice(credentials.length).replace(/\/\/.*@/, "//***@")}"`;
}

function parsePlace(namespace: string, text: string): UpstreamSpec | string {
  if (text === "") return "the address behind = is missing";
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined) return "what is behind = is no address";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "only https and http are known";
  if (url.username !== "" || url.password !== "") return "the login belongs in front of the host";
  if (url.search !== "" || url.hash !== "") return "an address has neither ? nor #";
  const path = url.pathname.replace(/^\/(?:v2(?:\/|$))?|\/$/g, "");
  if (path !== "" && !isRepositoryName(path)) return "its path is not that of repositories";
  const registry = canonicalNamespace(url.host);
  return { namespace, registry, isPlainHttp: url.protocol === "http:", path };
}

/** Undefined: both are empty on purpose. */
function parseLogin(
  credentials: string,
  {
    namespace,
    shown,
    variables,
  }: { readonly namespace: string; readonly shown: string; readonly variables: Variables },
): UpstreamLogin | undefined | string {
  const colon = masked(credentials).indexOf(":");
  if (colon < 0) return `${shown} has a user and no password`;
  const user = expand(credentials.slice(0, colon), variables);
  const secret = expand(credentials.slice(colon + 1), variables);
  const unset = [...user.unset, ...secret.unset];
  if (unset.length > 0) {
    const are = unset.length === 1 ? "is" : "are";
    return `credentials for ${namespace} incomplete: ${unset.join(" and ")} ${are} not set`;
  }
  if (user.text === "" && secret.text === "") return undefined;
  if (user.text === "" || secret.text === "") {
    const missing = user.text === "" ? "user" : "password";
    return `credentials for ${namespace} incomplete: the ${missing} is empty`;
  }
  return { username: user.text, password: secret.text };
}

function expand(
  text: string,
  variables: Variables,
): { readonly text: string; readonly unset: readonly string[] } {
  const unset: string[] = [];
  const expanded = text.replace(PLACEHOLDER, (_, name: string, fallback: string | undefined) => {
    const value = variables[name];
    if (value !== undefined && value !== "") return value;
    if (fallback === undefined) unset.push(name);
    return fallback ?? "";
  });
  return { text: expanded, unset };
}

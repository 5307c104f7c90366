import type { ErrorCode } from "../errors.ts";
import { option } from "../option.ts";

/** What hints are told from. */
interface RefusedRequest {
  readonly code: ErrorCode;
  readonly method: string;
  readonly url: URL;
  readonly path: string;
  readonly status: number;
  readonly isRedirected?: boolean | undefined;
  readonly serverErrors?:
    | readonly { readonly code: string; readonly message: string }[]
    | undefined;
}

/** The next step after an answer that ends an operation. `given` is that of who knows more than the answer says. */
export function hintOfResponse(
  request: RefusedRequest,
  given: string | undefined,
): string | undefined {
  const { code, isRedirected = false, method, path, status } = request;
  if (isRedirected && code === "REGISTRY_DENIED") return STORE_REFUSES;
  const isStart = method === "POST" && status === 404 && /\/blobs\/uploads\/$/.test(path);
  const isUnlisted = code === "REGISTRY_NOT_FOUND" && path.endsWith("/tags/list");
  const known = isUnlisted ? LIST_ABSENT : STATUS_HINTS[status];
  const hint = isStart ? CREATE_FIRST : (known ?? HINTS[code]);
  // What the server says is nearer than what its status may mean
  const said = hintOfAnswer(request) ?? hintOfAnyAnswer(request);
  const remedy = said ?? given ?? hint;
  const isTooDeep = code === "REGISTRY_DENIED" && said === undefined && isDeepWrite(request);
  return isTooDeep ? [remedy, TOO_DEEP].filter(Boolean).join(". ") : remedy;
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  REGISTRY_NOT_FOUND: "Check the repository, tag or digest; some registries hide what they deny",
  REGISTRY_LIMITED: `Wait, log in for a higher limit, or lower the rate with ${option("requestsPerSecond")}`,
};

/** Nobody is logged in there: the address says what one may do. */
const STORE_REFUSES =
  "A server that the registry has sent us to refuses: check the clocks of this machine and of the registry, as such addresses end, and that no proxy changes them";

/** GitLab's dependency proxy, for one, has no lists, and says so of any. */
const LIST_ABSENT =
  "Check the repository; some registries hide what they deny, and some proxies that only pass images on list no tags: there tags can only be asked for by name";

/** Amazon ECR, for one, makes no repository for a push. */
const CREATE_FIRST =
  "Create the repository at the registry first, or have it created at the first push";

/** Refusals that registries word differently and answer with 400, 403, 405, 409 or 412: none is about who we are. */
const ANSWER_HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /\bwrite_package\b|not allowed to (?:create|write) (?:organization )?package/i,
    "The registry knows who we are, and this login may not write this package: allow it in the settings of the package (GitHub: Manage Actions access), or use a token that may create packages (write:packages)",
  ],
  [
    /immutab|overwrit|already exists|write.?once|\bworm\b|retention|tag is (?:locked|protected)|protected tag/i,
    "The tag exists there and may not be changed: delete it or lift the rule for it in the registry, then run the same command again",
  ],
  [
    /quota|storage (?:limit|is full)|limit of storage|out of (?:storage|space)|no space|insufficient.storage|exceed\w* (?:\w+ ){0,3}storage|storage resource\b.*\bexceed/i,
    "The registry has no room left for it: raise the quota or delete what is not needed there, then run the same command again",
  ],
  [
    /'\S+\/\S+' is not one of|media.?type\b.{0,80}\bnot (?:allowed|permitted|supported)|(?:unsupported|unknown|invalid) (?:media.?type|manifest class)|artifact.?type\b.{0,80}\bnot (?:allowed|permitted|supported)/i,
    "The registry does not take this type of artifact: allow it there (Quay: FEATURE_GENERAL_OCI_SUPPORT, or IGNORE_UNKNOWN_MEDIATYPES), or push a bundle without it",
  ],
];

/** Statuses that say by themselves what is wrong, in whatever words. */
const CLEAR_STATUSES: ReadonlySet<number> = new Set([413, 429, 507]);

function hintOfAnswer({ method, status, serverErrors = [] }: RefusedRequest): string | undefined {
  if (!isWrite(method) || CLEAR_STATUSES.has(status)) return undefined;
  const texts = serverErrors.map(({ code, message }) => `${code} ${message}`).join("\n");
  return ANSWER_HINTS.find(([pattern]) => pattern.test(texts))?.[1];
}

/**
 * What any request is told. Harbor has repositories in projects only and makes no project for a push (400, 401, 404); nginx
 * ends requests without a client certificate (400).
 */
const ANY_HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /\brequired SSL certificate\b|\bSSL certificate error\b/i,
    `The registry asks for a client certificate: name one that it accepts with ${option("certFile")} and ${option("keyFile")}`,
  ],
  [
    /\bnested repositor/i,
    "Allow paths with more levels there (Quay: FEATURE_EXTENDED_REPOSITORY_NAMES: true), or use a registry that takes them",
  ],
  [
    // Not of a path: who says so of one means something else
    /\binvalid repository name\b(?!: \S*\/)/i,
    "Some registries (Harbor) have no repository at the root of a project: name a longer path, as in registry.local/project/mirror",
  ],
  [
    /\bproject \S+ not found\b/i,
    "Create the project at the registry first, or check its name and that this login may see it",
  ],
];

function hintOfAnyAnswer({ serverErrors = [] }: RefusedRequest): string | undefined {
  const texts = serverErrors.map(({ message }) => message).join("\n");
  return ANY_HINTS.find(([pattern]) => pattern.test(texts))?.[1];
}

/** Levels of a repository path that every registry takes. */
const COMMON_LEVELS = 3;
const TOO_DEEP =
  "Some registries (Docker Hub, GitLab) refuse with the same answer a path that has more levels than they take: push to a shorter one";

function isDeepWrite({ method, url }: RefusedRequest): boolean {
  const [, repository = ""] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname) ?? [];
  return isWrite(method) && repository.split("/").length > COMMON_LEVELS;
}

function isWrite(method: string): boolean {
  return /^P(?:UT|OST|ATCH)$/.test(method);
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  415: 'The registry does not take manifests of this type: allow it there (zot: "compat": ["docker2s2"] in "http", for images of Docker\'s format), then run the same command again',
  413: "Raise the limit on request bodies in front of the registry to 64 MiB or more (nginx: client_max_body_size 64m; 0 is no limit)",
  507: "Free space on the storage of the registry",
};

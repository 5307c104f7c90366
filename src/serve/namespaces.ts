import { targetHostOf } from "../oci/target-path.ts";
import type { RegistryBackend } from "../server/backend.ts";
import type { RepositoryRoute, RouteRepository } from "../server/handler.ts";
import { errorResponse, type RegistryRequest, type RegistryResponse } from "../server/message.ts";
import type { ServedContent } from "./collect-content.ts";
import { canonicalNamespace, namespaceOfHost } from "./namespace-names.ts";
import type { WritableNamespace } from "./upstream/open-upstreams.ts";

export interface RouteOptions extends ServedContent {
  /** Host name that clients use → namespace. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Asked for what no request says the namespace of. */
  readonly defaultNamespace?: string | undefined;
  /** The namespace that can be pushed to: repositories need not be there before. */
  readonly writable?: WritableNamespace | undefined;
}

/**
 * Finds out what registry a request means (docs/serve.md, "Which image is meant"): by the `ns` parameter, the host name,
 * the path, the default, or because only one namespace has the repository. A namespace that is not served does not
 * exist: `ns` never leads anywhere else.
 */
export function createRouter(options: RouteOptions): RouteRepository {
  const { namespaces, target } = options;
  return async (request, name) => {
    const named = namedNamespace(request, options);
    if (named !== undefined) {
      const namespace = namespaces.get(named);
      if (namespace) {
        const path = await withoutOwnName(name, named, namespace);
        return routeTo(named, await repositoryIn(named, path, options), options);
      }
      // Clients ask for the base of the API before they name anything
      if (name === "" && request.path !== "/v2/_catalog")
        return { backend: target, repository: "" };
      return unknownName(name, `namespace "${named}" is not served here`);
    }
    return routeUnnamed(name, options);
  };
}

/**
 * containerd sends `ns` also to an address that names the registry in its path, as `push` lays images out: there the
 * path begins with what `ns` says once more.
 */
async function withoutOwnName(
  name: string,
  namespace: string,
  backend: RegistryBackend,
): Promise<string> {
  const own = [namespace, targetHostOf(namespace)].find((host) => name.startsWith(`${host}/`));
  if (own === undefined) return name;
  const rest = name.slice(own.length + 1);
  return (await backend.hasRepository(rest)) ? rest : name;
}

/** For clients that do not say which registry they mean. */
async function routeUnnamed(
  name: string,
  options: RouteOptions,
): Promise<RepositoryRoute | RegistryResponse> {
  const { target } = options;
  const byPath = await routeByPath(name, options);
  if (byPath?.writer !== undefined) return byPath;
  if (byPath && (await byPath.backend.hasRepository(byPath.repository))) return byPath;
  if (name === "" || (await target.hasRepository(name))) {
    return { backend: target, repository: name };
  }
  return byPath ?? (await routeByContent(name, options));
}

/**
 * `ns` first, then the header that some send in its place (lazy snapshotters, which get headers from their configuration), then
 * the host name that the client has connected to.
 */
function namedNamespace(
  { headers, query }: RegistryRequest,
  { hosts }: RouteOptions,
): string | undefined {
  const ns = query.get("ns");
  if (ns !== null && ns !== "") return canonicalNamespace(ns);
  const header = headers["oci-namespace"];
  if (typeof header === "string" && header.trim() !== "") return canonicalNamespace(header.trim());
  return namespaceOfHost(headers.host ?? "", hosts);
}

/** `docker.io/library/x`, `host-5000/x`: clients with `location = "mirror:5000/docker.io"`. A path cannot have a colon. */
async function routeByPath(
  name: string,
  options: RouteOptions,
): Promise<RepositoryRoute | undefined> {
  const slash = name.indexOf("/");
  if (slash < 0) return undefined;
  const host = canonicalNamespace(name.slice(0, slash));
  const first = options.namespaces.has(host)
    ? host
    : [...options.namespaces.keys()].find((one) => targetHostOf(one) === host);
  if (first === undefined) return undefined;
  return routeTo(first, await repositoryIn(first, name.slice(slash + 1), options), options);
}

/** Docker's own clients complete the short names of Docker Hub before they ask; who is given an address of a mirror does not. */
async function repositoryIn(
  namespace: string,
  name: string,
  { namespaces, writable }: RouteOptions,
): Promise<string> {
  const isShort = namespace === "docker.io" && name !== "" && !name.includes("/");
  if (!isShort || writable?.namespace === namespace) return name;
  const official = `library/${name}`;
  return (await namespaces.get(namespace)?.hasRepository(official)) ? official : name;
}

/**
 * The default namespace, or the only one that has the repository: among several nobody guesses. A default that can be pushed
 * to may get any repository.
 */
async function routeByContent(
  name: string,
  options: RouteOptions,
): Promise<RepositoryRoute | RegistryResponse> {
  const { defaultNamespace, namespaces, writable } = options;
  if (writable !== undefined && writable.namespace === defaultNamespace) {
    return routeTo(writable.namespace, name, options);
  }
  const found = new Map<string, string>();
  for (const [namespace, backend] of namespaces) {
    const repository = await repositoryIn(namespace, name, options);
    if (await backend.hasRepository(repository)) found.set(namespace, repository);
  }
  const having = [...found.keys()];
  const chosen =
    having.find((namespace) => namespace === defaultNamespace) ??
    (having.length === 1 ? having[0] : undefined);
  if (chosen !== undefined) return routeTo(chosen, found.get(chosen) ?? name, options);
  if (having.length === 0) return unknownName(name, "repository is not known");
  const names = having.sort().join(", ");
  return unknownName(name, `several namespaces have it: ${names}; name one with ns`);
}

/** To a namespace that is served. */
function routeTo(
  namespace: string,
  repository: string,
  { namespaces, target, writable }: RouteOptions,
): RepositoryRoute {
  return {
    backend: namespaces.get(namespace) ?? target,
    repository,
    writer: writable?.namespace === namespace ? writable.backend : undefined,
    headers: { "oci-namespace": namespace },
  };
}

function unknownName(name: string, message: string): RegistryResponse {
  return errorResponse(404, { code: "NAME_UNKNOWN", message, detail: { name } });
}

import type { ClientDocument, ClientDocuments, PlainObject } from "../client-document.ts";
import type { ClientRoutes, RouteForm } from "../client-routes.ts";
import { type Endpoint, endpointOf } from "../endpoint.ts";
import type { Runtime } from "../runtime.ts";

/** File name of the authority beside each `hosts.toml`: relative paths work from containerd 1.6 on. */
const CA_FILE = "mirror-ca.crt";

export const CONTAINERD: Runtime = {
  name: "containerd",
  describe: "containerd, nerdctl and everything on containerd's resolver",
  directory: "/etc/containerd/certs.d",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: ({ routes, form }): ClientDocuments => ({
    documents: planHostsTree(routes, form),
    steps: [
      'Let the registry section of containerd\'s config.toml have config_path = "/etc/containerd/certs.d" and no registry.mirrors: [plugins."io.containerd.grpc.v1.cri".registry] in 1.x, [plugins."io.containerd.cri.v1.images".registry] in 2.x',
      "containerd config default of 2.2 writes two directories with a colon between them, and ignores both: write this one alone, or the mirror is passed by without a word",
      "Mirror the pause image too, or name one in sandbox_image (1.x) or pinned_images.sandbox (2.x)",
      "ctr reads no configuration: give it --hosts-dir /etc/containerd/certs.d",
    ],
  }),
};

/** A tree of `<namespace>/hosts.toml`: what containerd, Docker from 28 on, kind, vcluster and MicroK8s read. */
export function planHostsTree(routes: ClientRoutes, form: RouteForm): ClientDocument[] {
  return routes.namespaces.flatMap((namespace) => {
    const directory = hostsDirectoryOf(namespace);
    const about = {
      applies: "at once, without a restart",
      validFor: "containerd 1.5 and newer, Docker 28 and newer with the containerd image store",
    };
    const value = hostsTomlOf(routes, namespace, endpointOf(routes, namespace, form));
    const hosts: ClientDocument = {
      path: `${directory}/hosts.toml`,
      content: { format: "toml", value },
      ...about,
      ...(routes.credential ? { isSecret: true } : {}),
      merge: routes.fallback ? keepOtherHosts : takeOurs,
    };
    if (routes.ca === undefined) return [hosts];
    const ca: ClientDocument = {
      path: `${directory}/${CA_FILE}`,
      content: { format: "text", text: routes.ca },
      ...about,
    };
    return [hosts, ca];
  });
}

/** `reg.example:5000` → `reg.example_5000_`: the spelling that works on every system; `*` → `_default`. */
export function hostsDirectoryOf(namespace: string): string {
  if (namespace === "*") return "_default";
  return namespace.replace(/:(\d+)$/, "_$1_");
}

/** The inverse; undefined for directories that are none of a registry. */
export function namespaceOfDirectory(directory: string): string | undefined {
  if (directory === "_default") return "*";
  return directory.startsWith(".") ? undefined : directory.replace(/_(\d+)_$/, ":$1");
}

/**
 * There always is a `[host]` table: without one, containerd 1.5 to 1.7 drop the whole file and ask the Internet. Where
 * nothing but the mirror may be asked, `server` is the mirror as well.
 */
function hostsTomlOf(routes: ClientRoutes, namespace: string, endpoint: Endpoint): PlainObject {
  const original = routes.fallback ? originalOf(namespace) : endpoint.url;
  return {
    ...(original === undefined ? {} : { server: original }),
    // As `server` is written without `override_path`, the mirror's own path is spelled out in both
    ...(!routes.fallback && endpoint.isLiteral ? { override_path: true } : {}),
    ...(routes.fallback ? {} : trustOf(routes)),
    host: {
      [endpoint.url]: {
        // Never "referrers": containerd before 2.2 drops the file because of it
        capabilities: ["pull", "resolve"],
        ...(endpoint.isLiteral ? { override_path: true } : {}),
        ...trustOf(routes),
      },
    },
  };
}

function trustOf({ scheme, ca, skipVerify, credential }: ClientRoutes): PlainObject {
  const basic = credential && Buffer.from(`${credential.username}:${credential.password}`);
  return {
    // Over plain HTTP, TLS keys make containerd 2 try HTTPS first
    ...(scheme === "https" && ca !== undefined ? { ca: CA_FILE } : {}),
    ...(scheme === "https" && skipVerify ? { skip_verify: true } : {}),
    ...(basic ? { header: { Authorization: `Basic ${basic.toString("base64")}` } } : {}),
  };
}

/** The registry behind a namespace; the wildcard has none. */
function originalOf(namespace: string): string | undefined {
  if (namespace === "*") return undefined;
  return namespace === "docker.io" ? "https://registry-1.docker.io" : `https://${namespace}`;
}

/** Other mirrors of the same namespace stay behind ours. */
function keepOtherHosts(existing: PlainObject, ours: PlainObject): PlainObject {
  const hosts = { ...asTable(ours["host"]) };
  for (const [url, table] of Object.entries(asTable(existing["host"]))) hosts[url] ??= table;
  const server = existing["server"] ?? ours["server"];
  return { ...(server === undefined ? {} : { server }), ...withoutHosts(ours), host: hosts };
}

function takeOurs(_existing: PlainObject, ours: PlainObject): PlainObject {
  return ours;
}

function withoutHosts({ host: _host, server: _server, ...rest }: PlainObject): PlainObject {
  return rest;
}

function asTable(value: PlainObject[string] | undefined): Record<string, PlainObject[string]> {
  return typeof value === "object" && !Array.isArray(value) ? { ...(value as PlainObject) } : {};
}

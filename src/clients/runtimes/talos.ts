import type { ClientDocuments, PlainObject } from "../client-document.ts";
import type { ClientRoutes } from "../client-routes.ts";
import { type Endpoint, endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const TALOS: Runtime = {
  name: "talos",
  describe: "Talos: documents for the machine configuration",
  directory: "/etc/mirror",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: planTalos,
};

function planTalos(request: RuntimeRequest): ClientDocuments {
  const { routes, form } = request;
  const isLegacy = request.options.talosFormat === "legacy";
  const endpoints = routes.namespaces.map((name) => ({
    name,
    endpoint: endpointOf(routes, name, form),
  }));
  return {
    documents: [
      {
        path: isLegacy ? "talos-patch.yaml" : "talos-registries.yaml",
        content: {
          format: "yaml",
          values: isLegacy
            ? [legacyPatch(routes, endpoints)]
            : [
                ...endpoints.map((place) => mirrorDocument(routes, place)),
                ...hostsOf(endpoints).flatMap((host) => hostDocuments(routes, host)),
              ],
        },
        applies: "when the machine configuration is applied; changed logins after a reboot",
        validFor: isLegacy ? "Talos before 1.12" : "Talos 1.12 and newer",
        ...(routes.credential ? { isSecret: true } : {}),
      },
    ],
    steps: [
      isLegacy
        ? "Apply it to each node: talosctl patch machineconfig --patch @talos-patch.yaml"
        : "Append it to the machine configuration, or apply it: talosctl patch machineconfig --patch @talos-registries.yaml",
      "The installer image takes an HTTPS mirror with a trusted authority only",
    ],
  };
}

interface NamedEndpoint {
  readonly name: string;
  readonly endpoint: Endpoint;
}

/** Logins and certificates belong to the host that is connected to, never to the registry behind it. */
function hostsOf(endpoints: readonly NamedEndpoint[]): string[] {
  return [...new Set(endpoints.map(({ endpoint }) => endpoint.host))];
}

function mirrorDocument(routes: ClientRoutes, { name, endpoint }: NamedEndpoint): PlainObject {
  return {
    apiVersion: "v1alpha1",
    kind: "RegistryMirrorConfig",
    name,
    endpoints: [{ url: endpoint.url, ...(endpoint.isLiteral ? { overridePath: true } : {}) }],
    ...(routes.fallback ? {} : { skipFallback: true }),
  };
}

/** No TLS document for plain HTTP: containerd refuses it there. */
function hostDocuments(routes: ClientRoutes, host: string): PlainObject[] {
  const { scheme, ca, skipVerify, credential } = routes;
  const hasTls = scheme === "https" && (ca !== undefined || skipVerify);
  const head = (kind: string) => ({ apiVersion: "v1alpha1", kind, name: host });
  return [
    ...(credential ? [{ ...head("RegistryAuthConfig"), ...credential }] : []),
    ...(hasTls
      ? [
          {
            ...head("RegistryTLSConfig"),
            ...(ca === undefined ? {} : { ca }),
            ...(skipVerify ? { insecureSkipVerify: true } : {}),
          },
        ]
      : []),
  ];
}

function legacyPatch(routes: ClientRoutes, endpoints: readonly NamedEndpoint[]): PlainObject {
  const configs = hostsOf(endpoints)
    .map((host) => [host, legacyConfig(routes)] as const)
    .filter(([, config]) => Object.keys(config).length > 0);
  const mirrors = endpoints.map(({ name, endpoint }) => [
    name,
    {
      endpoints: [endpoint.url],
      ...(endpoint.isLiteral ? { overridePath: true } : {}),
      ...(routes.fallback ? {} : { skipFallback: true }),
    },
  ]);
  return {
    machine: {
      registries: {
        mirrors: Object.fromEntries(mirrors) as PlainObject,
        ...(configs.length > 0 ? { config: Object.fromEntries(configs) } : {}),
      },
    },
  };
}

function legacyConfig({ scheme, ca, skipVerify, credential }: ClientRoutes): PlainObject {
  const tls = {
    ...(ca === undefined ? {} : { ca: Buffer.from(ca).toString("base64") }),
    ...(skipVerify ? { insecureSkipVerify: true } : {}),
  };
  return {
    ...(credential ? { auth: { ...credential } } : {}),
    ...(scheme === "https" && Object.keys(tls).length > 0 ? { tls } : {}),
  };
}

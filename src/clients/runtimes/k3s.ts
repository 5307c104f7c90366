import type { ClientDocument, ClientDocuments, PlainObject } from "../client-document.ts";
import type { ClientRoutes } from "../client-routes.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

const CA_FILE = "mirror-ca.crt";

export const K3S: Runtime = {
  name: "k3s",
  describe: "k3s",
  directory: "/etc/rancher/k3s",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: (request) => planRancher(request, "k3s"),
};

export const RKE2: Runtime = {
  name: "rke2",
  describe: "RKE2",
  directory: "/etc/rancher/rke2",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: (request) => planRancher(request, "rke2"),
};

function planRancher(request: RuntimeRequest, product: "k3s" | "rke2"): ClientDocuments {
  const { routes, options } = request;
  const { systemDefaultRegistry } = options;
  const namespaces = [
    ...routes.namespaces,
    ...(systemDefaultRegistry === undefined ? [] : [systemDefaultRegistry]),
  ];
  const value = registriesYamlOf({ ...routes, namespaces }, request, `/etc/rancher/${product}`);
  const documents: ClientDocument[] = [
    {
      path: "registries.yaml",
      content: { format: "yaml", values: [value] },
      applies: `after a restart of ${product}`,
      validFor: product === "k3s" ? "k3s 1.20 and newer" : "RKE2 1.20 and newer",
      // Mode 0600 is what both products' documents ask for, also without a password
      isSecret: true,
      merge: mergeRegistries,
    },
    ...(routes.ca === undefined ? [] : [caFile(routes.ca, product)]),
  ];
  const restart = `after a restart of ${product}`;
  const noFallback = routes.fallback ? {} : { "disable-default-registry-endpoint": true };
  const defaults = systemDefaultRegistry
    ? { "system-default-registry": systemDefaultRegistry }
    : {};
  documents.push(
    ...(product === "k3s"
      ? [
          ...settingsFile("50-mirror", noFallback, restart),
          ...settingsFile(SERVERS_ONLY, defaults, `${restart}, on servers only`),
        ]
      : settingsFile("50-mirror", { ...noFallback, ...defaults }, restart)),
  );
  return {
    documents,
    steps: [
      `Restart ${product} on each node`,
      ...(product === "k3s" && systemDefaultRegistry
        ? [`Leave ${SERVERS_ONLY}.yaml out on agents: they do not start with it`]
        : []),
    ],
    notices: routes.fallback || routes.namespaces.includes("*") ? [] : [onlyListed(product)],
  };
}

/** An agent of k3s does not start with a key that only servers know; it is told by its server. */
const SERVERS_ONLY = "51-mirror-servers";

function settingsFile(name: string, settings: PlainObject, applies: string): ClientDocument[] {
  if (Object.keys(settings).length === 0) return [];
  return [
    {
      path: `config.yaml.d/${name}.yaml`,
      content: { format: "yaml", values: [settings] },
      applies,
      validFor: "k3s and RKE2 1.21 and newer; disable-default-registry-endpoint from early 2024 on",
      isSecret: true,
    },
  ];
}

function onlyListed(product: string) {
  return {
    code: "CLIENT_FALLBACK",
    message: `${product} keeps asking registries that are not listed for their own images: list all of them, or "*"`,
  } as const;
}

function caFile(text: string, product: "k3s" | "rke2"): ClientDocument {
  return {
    path: CA_FILE,
    content: { format: "text", text },
    applies: `after a restart of ${product}`,
    validFor: "all versions",
  };
}

/** The value of `registries.yaml`; `directory`: where the authority's file lies on the node. */
export function registriesYamlOf(
  routes: ClientRoutes,
  { form }: Pick<RuntimeRequest, "form">,
  directory: string,
): PlainObject {
  const namespaces = [...new Set(routes.namespaces)].sort();
  const endpoints = namespaces.map((name) => [name, endpointOf(routes, name, form)] as const);
  const configs = endpoints.map(([, { host }]) => [host, configOf(routes, directory)] as const);
  const hasConfig = configs.some(([, config]) => Object.keys(config).length > 0);
  return {
    mirrors: Object.fromEntries(
      // A path other than /v2 is taken literally: it becomes override_path of containerd
      endpoints.map(([name, { url }]) => [name, { endpoint: [url] }]),
    ),
    ...(hasConfig ? { configs: Object.fromEntries(configs) } : {}),
  };
}

/** The keys that the product reads: there is no `token`, whatever its page says. */
function configOf(routes: ClientRoutes, directory: string): PlainObject {
  const { scheme, ca, skipVerify, credential } = routes;
  const tls = {
    ...(scheme === "https" && ca !== undefined ? { ca_file: `${directory}/${CA_FILE}` } : {}),
    ...(scheme === "https" && skipVerify ? { insecure_skip_verify: true } : {}),
  };
  return {
    ...(credential ? { auth: { ...credential } } : {}),
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  };
}

/**
 * Entries of others stay, empty ones too: with the embedded registry an empty entry has a meaning. Of a namespace that
 * both have, ours comes first.
 */
function mergeRegistries(existing: PlainObject, ours: PlainObject): PlainObject {
  const mirrors = { ...tableOf(existing["mirrors"]) };
  for (const [name, entry] of Object.entries(tableOf(ours["mirrors"]))) {
    const before = tableOf(mirrors[name]);
    const endpoint = [...listOf(tableOf(entry)["endpoint"]), ...listOf(before["endpoint"])];
    mirrors[name] = { ...before, endpoint: [...new Set(endpoint)] };
  }
  const configs = { ...tableOf(existing["configs"]), ...tableOf(ours["configs"]) };
  return {
    ...existing,
    mirrors,
    ...(Object.keys(configs).length > 0 ? { configs } : {}),
  };
}

function tableOf(value: PlainObject[string] | undefined | null): PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as PlainObject)
    : {};
}

function listOf(value: PlainObject[string] | undefined): readonly PlainObject[string][] {
  return Array.isArray(value) ? value : [];
}

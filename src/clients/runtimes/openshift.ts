import { OptionInvalidError } from "../../errors.ts";
import type { ClientDocument, ClientDocuments, PlainObject } from "../client-document.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const OPENSHIFT: Runtime = {
  name: "openshift",
  describe: "OpenShift: mirror sets for digests and tags, and the authority",
  directory: "/etc/mirror",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planOpenshift,
};

/** What the cluster's image configuration is told to trust. */
const CA_CONFIG_MAP = "mirror-ca";

function planOpenshift({ routes, form }: RuntimeRequest): ClientDocuments {
  refuseBrackets([routes.host, ...routes.namespaces]);
  const endpoints = routes.namespaces.map((name) => endpointOf(routes, name, form));
  const policy = routes.fallback ? "AllowContactingSource" : "NeverContactSource";
  const mirrors = routes.namespaces.map((source, index) => ({
    source,
    mirrors: [endpoints[index]?.location ?? ""],
    mirrorSourcePolicy: policy,
  }));
  // Digests ask the first kind only and tags the second only
  const values = [
    mirrorSet("ImageDigestMirrorSet", { imageDigestMirrors: mirrors }),
    mirrorSet("ImageTagMirrorSet", { imageTagMirrors: mirrors }),
  ];
  const hosts = [...new Set(endpoints.map(({ host }) => host))];
  const documents: ClientDocument[] = [
    {
      path: "mirror-sets.yaml",
      content: { format: "yaml", values },
      applies: "after oc apply; nodes take it over one after the other",
      validFor: "OpenShift 4.13 and newer",
    },
  ];
  if (routes.ca !== undefined) documents.push(trust(routes.ca, hosts));
  return {
    documents,
    steps: [
      "oc apply -f mirror-sets.yaml",
      ...(routes.ca === undefined ? [] : ["oc apply -f mirror-ca.yaml"]),
      ...(routes.credential
        ? ["Add the mirror's login to the global pull secret of openshift-config"]
        : []),
      ...(routes.scheme === "http" || routes.skipVerify
        ? [
            `Name ${hosts.join(", ")} in registrySources.insecureRegistries of image.config.openshift.io/cluster`,
          ]
        : []),
    ],
  };
}

/** The API server takes names and IPv4 addresses (openshift/api, pattern of `source` and `mirrors`). */
function refuseBrackets(hosts: readonly string[]): void {
  const wrong = hosts.find((host) => host.startsWith("["));
  if (wrong === undefined) return;
  throw new OptionInvalidError("mirror", `mirror sets cannot hold the IPv6 address "${wrong}"`, {
    hint: "Give it a name",
  });
}

function mirrorSet(kind: string, spec: PlainObject): PlainObject {
  return {
    apiVersion: "config.openshift.io/v1",
    kind,
    metadata: { name: "mirror" },
    spec,
  };
}

/** In the keys of that map two dots stand for the colon before a port. */
function trust(ca: string, hosts: readonly string[]): ClientDocument {
  return {
    path: "mirror-ca.yaml",
    content: {
      format: "yaml",
      values: [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: CA_CONFIG_MAP, namespace: "openshift-config" },
          data: Object.fromEntries(hosts.map((host) => [host.replace(":", ".."), ca])),
        },
        {
          apiVersion: "config.openshift.io/v1",
          kind: "Image",
          metadata: { name: "cluster" },
          spec: { additionalTrustedCA: { name: CA_CONFIG_MAP } },
        },
      ],
    },
    applies: "after oc apply",
    validFor: "OpenShift 4.2 and newer",
  };
}

import type { ClientDocument, ClientDocuments } from "../client-document.ts";
import { checkAbsolutePath, checkClusterName } from "../plain-words.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { registriesYamlOf } from "./k3s.ts";

/** Where a node finds the authority; k3d mounts it there. */
const NODE_DIRECTORY = "/etc/rancher/k3s";

export const K3D: Runtime = {
  name: "k3d",
  describe: "k3d: the cluster's configuration",
  directory: "/etc/mirror",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: planK3d,
};

function planK3d({ routes, form, options, formats }: RuntimeRequest): ClientDocuments {
  const cluster = checkClusterName(options.cluster);
  const hostDirectory = checkAbsolutePath("hostDirectory", options.hostDirectory);
  const registries = registriesYamlOf(routes, { form }, NODE_DIRECTORY);
  const noFallback = {
    arg: "--disable-default-registry-endpoint",
    // Each node minds what it was started with, an agent too
    nodeFilters: ["server:*", "agent:*"],
  };
  const config: ClientDocument = {
    path: "k3d.yaml",
    content: {
      format: "yaml",
      values: [
        {
          apiVersion: "k3d.io/v1alpha5",
          kind: "Simple",
          metadata: { name: cluster },
          ...(routes.ca === undefined
            ? {}
            : {
                volumes: [
                  {
                    volume: `${hostDirectory}/mirror-ca.crt:${NODE_DIRECTORY}/mirror-ca.crt`,
                    nodeFilters: ["all"],
                  },
                ],
              }),
          registries: { config: formats.yaml.stringify(registries) },
          ...(routes.fallback ? {} : { options: { k3s: { extraArgs: [noFallback] } } }),
        },
      ],
    },
    applies: "when the cluster is made: k3d cluster create --config k3d.yaml",
    validFor: "k3d 5.3 and newer",
    ...(routes.credential ? { isSecret: true } : {}),
  };
  const ca: ClientDocument[] =
    routes.ca === undefined
      ? []
      : [
          {
            path: "mirror-ca.crt",
            content: { format: "text", text: routes.ca },
            applies: "when the cluster is made",
            validFor: "k3d 5.3 and newer",
          },
        ];
  return {
    documents: [config, ...ca],
    steps: [
      "In a node, localhost is the node: give the mirror an address that nodes reach",
      ...(routes.ca === undefined ? [] : [`The nodes mount ${hostDirectory}/mirror-ca.crt`]),
    ],
  };
}

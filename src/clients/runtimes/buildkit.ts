import type { ClientDocument, ClientDocuments, PlainObject } from "../client-document.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

const CA_FILE = "mirror-ca.crt";
const DIRECTORY = "/etc/buildkit";

export const BUILDKIT: Runtime = {
  name: "buildkit",
  describe: "BuildKit's daemon",
  directory: DIRECTORY,
  forms: ["path", "host", "ns"],
  takesWildcard: false,
  plan: planBuildkit,
};

function planBuildkit({ routes, form }: RuntimeRequest): ClientDocuments {
  const { scheme, ca, skipVerify } = routes;
  const endpoints = routes.namespaces.map(
    (name) => [name, endpointOf(routes, name, form)] as const,
  );
  const mirrors = endpoints.map(([name, { location }]) => [name, { mirrors: [location] }] as const);
  const trust: PlainObject = {
    ...(scheme === "http" ? { http: true } : {}),
    ...(scheme === "https" && skipVerify ? { insecure: true } : {}),
    ...(scheme === "https" && ca !== undefined ? { ca: [`${DIRECTORY}/${CA_FILE}`] } : {}),
  };
  const hosts = Object.keys(trust).length > 0 ? endpoints.map(([, { host }]) => host) : [];
  const registry = Object.fromEntries([...mirrors, ...hosts.map((host) => [host, trust] as const)]);
  const documents: ClientDocument[] = [
    {
      path: "buildkitd.toml",
      content: { format: "toml", value: { registry } },
      applies: "after a restart of buildkitd, or with docker buildx create --config",
      validFor: "BuildKit 0.8 and newer",
      merge: (existing, ours) => ({
        ...existing,
        registry: {
          ...(existing["registry"] as PlainObject),
          ...(ours["registry"] as PlainObject),
        },
      }),
    },
  ];
  if (ca !== undefined) {
    documents.push({
      path: CA_FILE,
      content: { format: "text", text: ca },
      applies: "after a restart of buildkitd",
      validFor: "BuildKit 0.8 and newer",
    });
  }
  return {
    documents,
    notices: routes.fallback
      ? []
      : [
          {
            code: "CLIENT_FALLBACK",
            message:
              "BuildKit asks the registry itself when the mirror fails; no key of its file forbids that",
          },
        ],
  };
}

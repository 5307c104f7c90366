import { OptionInvalidError } from "../../errors.ts";
import type {
  ClientDocument,
  ClientDocuments,
  PlainObject,
  PlainValue,
} from "../client-document.ts";
import type { ClientRoutes, RouteForm } from "../client-routes.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { planHostsTree } from "./containerd.ts";

/** Docker Hub is the only registry that `registry-mirrors` stands for. */
const HUB = "docker.io";

export const DOCKER: Runtime = {
  name: "docker",
  describe: "The Docker daemon",
  directory: "/etc/docker",
  forms: ["ns", "host"],
  takesWildcard: false,
  plan: planDocker,
};

function planDocker({ routes, form }: RuntimeRequest): ClientDocuments {
  refusePath(routes);
  const others = routes.namespaces.filter((name) => name !== HUB);
  return {
    documents: [
      planDaemonJson(routes, form),
      ...planTrust(routes, form),
      ...planHostsTree(routes, form).map((document) => ({
        ...document,
        path: `certs.d/${document.path}`,
        validFor: "Docker 28 and newer with the containerd image store; older ones ignore it",
      })),
    ],
    steps: ["Send the daemon SIGHUP, or restart it: systemctl reload docker"],
    notices: [
      ...(others.length === 0
        ? []
        : [
            limit(
              `Docker asks no mirror for ${others.join(", ")}, unless it has the containerd image store (default of new installations from 29 on)`,
            ),
          ]),
      ...(routes.namespaces.includes(HUB) && form === "ns"
        ? [
            limit(
              "Docker does not say which registry it means: the mirror has to take names without one for Docker Hub's",
            ),
          ]
        : []),
      ...(routes.fallback
        ? []
        : [
            limit(
              "Docker goes to Docker Hub when a mirror fails; daemon.json cannot forbid that, a firewall can",
            ),
          ]),
      ...(routes.credential
        ? [
            limit(
              "Docker logs in to no mirror of the classic image store: let the mirror serve it without a login",
            ),
          ]
        : []),
    ],
  };
}

/** Up to version 24, the daemon does not start with a path in the address of a mirror. */
function refusePath({ path }: ClientRoutes): void {
  if (path === "") return;
  throw new OptionInvalidError("mirror", `Docker before 25 takes no path such as "/${path}"`, {
    hint: "Give the address of the mirror without a path",
  });
}

function planDaemonJson(routes: ClientRoutes, form: RouteForm): ClientDocument {
  const { host, url } = endpointOf(routes, HUB, form);
  const isInsecure = routes.scheme === "http" || routes.skipVerify;
  return {
    path: "daemon.json",
    content: {
      format: "json",
      value: {
        ...(routes.namespaces.includes(HUB) ? { "registry-mirrors": [url] } : {}),
        ...(isInsecure ? { "insecure-registries": [host] } : {}),
      },
    },
    applies: "after SIGHUP to the daemon",
    validFor: "Docker 1.13 and newer",
    merge: addToLists,
  };
}

/** Files that the classic image store takes authorities from. */
function planTrust(routes: ClientRoutes, form: RouteForm): ClientDocument[] {
  if (routes.ca === undefined) return [];
  const { host } = endpointOf(routes, HUB, form);
  return [
    {
      path: `certs.d/${host}/ca.crt`,
      content: { format: "text", text: routes.ca },
      applies: "at once, without a restart",
      validFor: "Docker 1.13 and newer",
    },
  ];
}

/** Ours first, then what was there: Docker tries mirrors in their order. */
function addToLists(existing: PlainObject, ours: PlainObject): PlainObject {
  const merged: Record<string, PlainValue> = { ...existing };
  for (const [key, value] of Object.entries(ours)) {
    const [before, added] = [existing[key], value].map((list) => (Array.isArray(list) ? list : []));
    merged[key] = [...new Set([...(added ?? []), ...(before ?? [])])];
  }
  return merged;
}

function limit(message: string) {
  return { code: "CLIENT_LIMIT", message } as const;
}

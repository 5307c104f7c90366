import type { ClientDocuments } from "../client-document.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { planHostsTree } from "./containerd.ts";

export const MICROK8S: Runtime = {
  name: "microk8s",
  describe: "MicroK8s",
  directory: "/var/snap/microk8s/current/args/certs.d",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: planMicrok8s,
};

function planMicrok8s({ routes, form }: RuntimeRequest): ClientDocuments {
  return {
    documents: planHostsTree(routes, form).map((document) => ({
      ...document,
      validFor: "MicroK8s 1.23 and newer",
    })),
  };
}

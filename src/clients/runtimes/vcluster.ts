import type { ClientDocuments } from "../client-document.ts";
import { planInjection } from "../injection.ts";
import { checkClusterName } from "../plain-words.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { planHostsTree } from "./containerd.ts";

export const VCLUSTER: Runtime = {
  name: "vcluster",
  describe: "vcluster in Docker: the tree, and the script that puts it into its nodes",
  directory: "/etc/mirror",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: planVcluster,
};

function planVcluster({ routes, form, options, formats }: RuntimeRequest): ClientDocuments {
  const cluster = checkClusterName(options.cluster);
  const tree = planHostsTree(routes, form);
  // Node containers are named vcluster.node.<cluster>.<node>, the control plane vcluster.cp.<cluster>
  const nodes = `docker ps --format '{{.Names}}' --filter name='^vcluster\\.(cp|node)\\.${cluster}(\\.|$)'`;
  return {
    documents: [
      ...tree.map((document) => ({ ...document, path: `certs.d/${document.path}` })),
      planInjection(tree, { title: `the nodes of the vcluster "${cluster}"`, nodes, formats }),
    ],
    steps: ["Run inject.sh when the cluster is up, and after a node was added"],
  };
}

import type { ClientDocuments, PlainObject } from "../client-document.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import type { ServeOptions } from "../runtime-options.ts";
import { serveWordsOf } from "../serve-command.ts";

export const KUBERNETES: Runtime = {
  name: "kubernetes",
  describe: "Kubernetes: serve in the cluster, as one deployment or on each node",
  directory: "/etc/mirror",
  forms: ["ns"],
  takesWildcard: true,
  plan: planKubernetes,
};

const NAME = "mirror";
const LABELS = { "app.kubernetes.io/name": NAME };

function planKubernetes({ options }: RuntimeRequest): ClientDocuments {
  const { serve } = options;
  const isDaemonSet = serve.workload === "daemonset";
  return {
    documents: [
      {
        path: "mirror.yaml",
        content: {
          format: "yaml",
          values: [
            { apiVersion: "v1", kind: "Namespace", metadata: { name: NAME } },
            workload(serve, isDaemonSet),
            ...(isDaemonSet ? [] : [service(serve)]),
          ],
        },
        applies: "after kubectl apply -f mirror.yaml",
        validFor: "Kubernetes 1.22 and newer",
      },
    ],
    steps: [
      `Load the image ${serve.image} into the nodes first: no registry has it yet`,
      "The bundles lie on the nodes, at the paths that the manifest mounts",
      ...(isDaemonSet
        ? [`Nodes reach their own one at http://127.0.0.1:${serve.port}`]
        : ["Nodes do not resolve names of services: give clients the address of the service"]),
    ],
  };
}

function workload(serve: ServeOptions, isDaemonSet: boolean): PlainObject {
  return {
    apiVersion: "apps/v1",
    kind: isDaemonSet ? "DaemonSet" : "Deployment",
    metadata: { name: NAME, namespace: NAME, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      // A cache has one writer
      ...(isDaemonSet ? {} : { replicas: 1, strategy: { type: "Recreate" } }),
      template: { metadata: { labels: LABELS }, spec: podOf(serve, isDaemonSet) },
    },
  };
}

function podOf(serve: ServeOptions, isDaemonSet: boolean): PlainObject {
  const hasCache = serve.upstreams.length > 0;
  const volumes = [
    ...serve.bundles.map((path, index) => ({
      name: `bundle-${index}`,
      hostPath: { path, type: "Directory" },
    })),
    ...(hasCache ? [{ name: "cache", emptyDir: {} }] : []),
  ];
  const mounts = [
    ...serve.bundles.map((_path, index) => ({
      name: `bundle-${index}`,
      mountPath: `/bundles/${index}`,
      readOnly: true,
    })),
    ...(hasCache ? [{ name: "cache", mountPath: "/cache" }] : []),
  ];
  const probe = { httpGet: { path: "/v2/", port: "registry" } };
  const container: PlainObject = {
    name: NAME,
    image: serve.image,
    imagePullPolicy: "IfNotPresent",
    args: serveWordsOf(serve, {
      bundleOf: (index) => `/bundles/${index}`,
      cache: "/cache",
      listen: "0.0.0.0:5000",
    }),
    ports: [
      {
        name: "registry",
        containerPort: 5000,
        ...(isDaemonSet ? { hostPort: serve.port, hostIP: "127.0.0.1" } : {}),
      },
    ],
    readinessProbe: { ...probe, periodSeconds: 2 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: mounts,
  };
  return {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
    containers: [container],
    volumes,
    ...(isDaemonSet ? { tolerations: [{ operator: "Exists" }] } : {}),
  };
}

function service({ port }: ServeOptions): PlainObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: NAME, namespace: NAME, labels: LABELS },
    spec: { selector: LABELS, ports: [{ name: "registry", port, targetPort: "registry" }] },
  };
}

/** What only some runtimes ask. */
export interface RuntimeOptions {
  /** Name of the cluster: kind, k3d, vcluster. */
  readonly cluster: string;
  /** Nodes beside the first: kind. */
  readonly workers: number;
  /** Absolute path on this machine where the files lie that node containers mount: kind, k3d. */
  readonly hostDirectory: string;
  /** Shape of the machine configuration: Talos before 1.12 has the legacy one. */
  readonly talosFormat: "documents" | "legacy";
  /** k3s: the registry that names of the system's own images begin with. */
  readonly systemDefaultRegistry: string | undefined;
  readonly proxy: ProxyOptions;
  /** What `serve` is started with: compose, systemd, kubernetes. */
  readonly serve: ServeOptions;
}

/** nginx, Caddy: what stands in front of `serve`. */
export interface ProxyOptions {
  /** Each namespace has a host name below it. */
  readonly domain: string;
  readonly port: number;
  /** Absolute paths of PEM files on the proxy's machine; undefined: where certbot puts them. */
  readonly certificate?: { readonly certFile: string; readonly keyFile: string } | undefined;
}

export interface ServeOptions {
  /** Absolute paths of bundles on the machine that serves. */
  readonly bundles: readonly string[];
  /** Upstreams of the pull-through cache, without credentials. */
  readonly upstreams: readonly string[];
  /** Container image of this program. */
  readonly image: string;
  /** Absolute path of the program: systemd. */
  readonly program: string;
  readonly port: number;
  /** kubernetes: one for the cluster, or one on each node at a port of the node's loopback address. */
  readonly workload: "deployment" | "daemonset";
}

export const RUNTIME_DEFAULTS: RuntimeOptions = {
  cluster: "mirror",
  workers: 0,
  hostDirectory: "/etc/mirror",
  talosFormat: "documents",
  systemDefaultRegistry: undefined,
  proxy: { domain: "mirror.lan", port: 443 },
  serve: {
    bundles: [],
    upstreams: [],
    image: "airgap-mirror:latest",
    program: "/usr/local/bin/mirror",
    port: 5000,
    workload: "deployment",
  },
};

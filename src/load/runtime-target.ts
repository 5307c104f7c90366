import { ReferenceInvalidError } from "../oci/errors.ts";

/** A container runtime of this machine. */
export interface RuntimeTarget {
  readonly runtime: "containerd" | "docker" | "podman";
  /** Missing: the one that the runtime's own client talks to. */
  readonly socket?: string;
  /** Of containerd. */
  readonly namespace?: string;
}

/** Where containerd listens, and where kubelet has its images. */
const CONTAINERD = { socket: "/run/containerd/containerd.sock", namespace: "k8s.io" } as const;

const NAMESPACE = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/**
 * `containerd:///run/containerd/containerd.sock?namespace=k8s.io`, `docker://local`, `podman://local`, or any of them with the
 * path of a socket. Undefined for what is no runtime: `docker://` with a host and a path is a registry, as other tools write it.
 */
export function parseRuntimeTarget(text: string): RuntimeTarget | undefined {
  const match = /^(containerd|docker|podman):\/\/([^/?]*)([^?]*)(?:\?(.*))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, scheme, host = "", path = "", query] = match;
  const runtime = scheme as RuntimeTarget["runtime"];
  const isLocal = host === "local" && /^\/?$/.test(path);
  if (!isLocal && (host !== "" || path.length < 2)) {
    if (runtime === "docker" && host !== "") return undefined;
    throw new ReferenceInvalidError(text, "it names neither a socket nor the local one", {
      hint: `Write it as ${runtime}://local, or with the path of the socket: ${runtime}:///run/${runtime}.sock`,
    });
  }
  const socket = isLocal ? undefined : path;
  if (runtime === "containerd") {
    return { runtime, socket: socket ?? CONTAINERD.socket, namespace: namespaceOf(text, query) };
  }
  if (query !== undefined) {
    throw new ReferenceInvalidError(text, `${runtime} knows nothing of "${query}"`);
  }
  return { runtime, ...(socket === undefined ? {} : { socket }) };
}

/** What `parseRuntimeTarget` reads, with everything written out. */
export function formatRuntimeTarget({ runtime, socket, namespace }: RuntimeTarget): string {
  const query = namespace === undefined ? "" : `?namespace=${namespace}`;
  return `${runtime}://${socket ?? "local"}${query}`;
}

function namespaceOf(text: string, query: string | undefined): string {
  if (query === undefined || query === "") return CONTAINERD.namespace;
  const { namespace, ...others } = Object.fromEntries(new URLSearchParams(query));
  const [other] = Object.keys(others);
  if (other !== undefined || namespace === undefined || !NAMESPACE.test(namespace)) {
    const reason = other === undefined ? "its namespace is none" : `"${other}" is not known`;
    throw new ReferenceInvalidError(text, reason, { hint: "Write it as ?namespace=k8s.io" });
  }
  return namespace;
}

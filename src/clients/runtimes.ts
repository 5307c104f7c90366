import type { Runtime } from "./runtime.ts";
import { BUILDKIT } from "./runtimes/buildkit.ts";
import { CADDY } from "./runtimes/caddy.ts";
import { COMPOSE } from "./runtimes/compose.ts";
import { CONTAINERD } from "./runtimes/containerd.ts";
import { DOCKER } from "./runtimes/docker.ts";
import { K3D } from "./runtimes/k3d.ts";
import { K3S, RKE2 } from "./runtimes/k3s.ts";
import { KIND } from "./runtimes/kind.ts";
import { KUBEADM } from "./runtimes/kubeadm.ts";
import { KUBERNETES } from "./runtimes/kubernetes.ts";
import { KUBESPRAY } from "./runtimes/kubespray.ts";
import { MICROK8S } from "./runtimes/microk8s.ts";
import { MINIKUBE } from "./runtimes/minikube.ts";
import { NGINX } from "./runtimes/nginx.ts";
import { OPENSHIFT } from "./runtimes/openshift.ts";
import { PODMAN } from "./runtimes/podman.ts";
import { SYSTEMD } from "./runtimes/systemd.ts";
import { TALOS } from "./runtimes/talos.ts";
import { VCLUSTER } from "./runtimes/vcluster.ts";

/** All runtimes, in the order of the help text. */
export const RUNTIMES: readonly Runtime[] = [
  CONTAINERD,
  DOCKER,
  PODMAN,
  { ...PODMAN, name: "buildah" },
  { ...PODMAN, name: "skopeo" },
  { ...PODMAN, name: "crio" },
  K3S,
  RKE2,
  KIND,
  K3D,
  VCLUSTER,
  TALOS,
  OPENSHIFT,
  KUBEADM,
  KUBESPRAY,
  MINIKUBE,
  MICROK8S,
  BUILDKIT,
  NGINX,
  CADDY,
  COMPOSE,
  SYSTEMD,
  KUBERNETES,
];

export const RUNTIME_NAMES: readonly string[] = RUNTIMES.map(({ name }) => name);

import { BUILDKIT } from "./buildkit.ts";
import { CADDY } from "./caddy.ts";
import { COMPOSE } from "./compose.ts";
import { CONTAINERD } from "./containerd.ts";
import { DOCKER } from "./docker.ts";
import { K3D } from "./k3d.ts";
import { K3S, RKE2 } from "./k3s.ts";
import { KIND } from "./kind.ts";
import { KUBEADM } from "./kubeadm.ts";
import { KUBERNETES } from "./kubernetes.ts";
import { KUBESPRAY } from "./kubespray.ts";
import { MICROK8S } from "./microk8s.ts";
import { MINIKUBE } from "./minikube.ts";
import { NGINX } from "./nginx.ts";
import { OPENSHIFT } from "./openshift.ts";
import { PODMAN } from "./podman.ts";
import type { Runtime } from "./runtime.ts";
import { SYSTEMD } from "./systemd.ts";
import { TALOS } from "./talos.ts";
import { VCLUSTER } from "./vcluster.ts";

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

import { openContainerd } from "./containerd.ts";
import { openDocker, openPodman } from "./docker.ts";
import type { OpenRuntimeOptions, Runtime } from "./runtime.ts";
import type { RuntimeTarget } from "./runtime-target.ts";

/** Asks the runtime for an answer: whatever is missing is told before a byte of a bundle is read. */
export async function openRuntime(
  target: RuntimeTarget,
  options: OpenRuntimeOptions,
): Promise<Runtime> {
  switch (target.runtime) {
    case "containerd":
      return await openContainerd(target, options);
    case "docker":
      return await openDocker(target, options);
    case "podman":
      return await openPodman(target, options);
  }
}

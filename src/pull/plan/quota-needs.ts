import { parseReference } from "../../oci/reference.ts";
import type { PullPlanReport } from "../pull-options.ts";

/** What a registry has said of how many requests for manifests it still answers. */
interface RegistryQuota {
  readonly registry: string;
  readonly remaining: number;
  readonly limit?: number | undefined;
  readonly windowMs?: number | undefined;
}

export interface QuotaNeed extends RegistryQuota {
  /** Manifests that a pull of the plan asks the registry for, if nothing is kept of them. */
  readonly needed: number;
}

/** How much of the quota of registries a pull of a plan takes: those that have none are not in the answer. */
export function quotaNeeds(
  { packages }: Pick<PullPlanReport, "packages">,
  quotas: readonly RegistryQuota[],
): readonly QuotaNeed[] {
  const images = packages.flatMap((one) => one.images);
  return quotas.map(({ registry, remaining, limit, windowMs }) => {
    const own = images.filter(({ source }) => parseReference(source).registry === registry);
    // An index, and an image for each platform; an image is one by itself
    const needs = new Map(
      own.map(({ digest, mediaType, platforms }) => {
        const isIndex = /index|manifest\.list/.test(mediaType);
        return [digest, isIndex ? 1 + platforms.length : 1] as const;
      }),
    );
    const needed = [...needs.values()].reduce((sum, count) => sum + count, 0);
    return {
      registry,
      remaining,
      ...(limit === undefined ? {} : { limit }),
      ...(windowMs === undefined ? {} : { windowMs }),
      needed,
    };
  });
}

import { parseVersion } from "../../versions/tag-version.ts";
import type { TakenVersions } from "../documents/plugin-contract.ts";
import type { Root } from "./root.ts";

/** The versions of the platform and of modules among the roots of a pull. */
export function takenVersions(roots: readonly Root[]): TakenVersions {
  const modules = new Map<string, string[]>();
  const platform: string[] = [];
  for (const { packageKind, kind, repository, reference } of roots) {
    const [, name, ...rest] = repository.split("/");
    if (kind !== "image" || parseVersion(reference) === undefined) continue;
    if (packageKind === "platform" && repository === "") platform.push(reference);
    if (packageKind !== "module" || name === undefined || rest.length > 0) continue;
    modules.set(name, [...(modules.get(name) ?? []), reference]);
  }
  return { modules, platform };
}

import type { Manifest } from "../store/store.ts";
import { parseConstraint, satisfies } from "./constraint.ts";
import { parseVersion } from "./tag-version.ts";

/** What a plugin says about the modules that it works with. */
export interface PluginContract {
  /** Module → the versions that it works with; undefined: any. */
  readonly modules: ReadonlyMap<string, string | undefined>;
}

/** Annotation of a plugin's manifest: base64 of a JSON document. */
const ANNOTATION = "contract";

/** Undefined where there is no contract that can be read: such a plugin is chosen for no module. */
export function readContract({ bytes }: Pick<Manifest, "bytes">): PluginContract | undefined {
  try {
    const document = JSON.parse(bytes.toString("utf8"));
    const text = document.annotations?.[ANNOTATION];
    if (typeof text !== "string") return undefined;
    const contract = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    return { modules: new Map(modulesOf(contract.requirements?.modules)) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a plugin works with a version of a module. */
export function worksWith({ modules }: PluginContract, module: string, tag: string): boolean {
  if (!modules.has(module)) return false;
  const constraint = modules.get(module);
  const version = parseVersion(tag);
  if (constraint === undefined || version === undefined) return constraint === undefined;
  try {
    return satisfies(parseConstraint(constraint), version);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** A list of modules, or groups of them: those that are needed, and those of which one is. */
function modulesOf(value: unknown): [string, string | undefined][] {
  if (Array.isArray(value)) return value.flatMap(moduleOf);
  if (typeof value !== "object" || value === null) return [];
  const { mandatory, anyOf } = value as { mandatory?: unknown; anyOf?: unknown };
  const groups = Array.isArray(anyOf) ? anyOf : [];
  return [
    ...groups.flatMap((group: { readonly modules?: unknown } | null) => modulesOf(group?.modules)),
    ...(Array.isArray(mandatory) ? mandatory.flatMap(moduleOf) : []),
  ];
}

function moduleOf(value: unknown): [string, string | undefined][] {
  if (typeof value !== "object" || value === null) return [];
  const { name, constraint } = value as { name?: unknown; constraint?: unknown };
  if (typeof name !== "string") return [];
  return [[name, typeof constraint === "string" && constraint !== "" ? constraint : undefined]];
}

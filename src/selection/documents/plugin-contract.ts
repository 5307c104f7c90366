import { isDigest } from "../../oci/digest.ts";
import type { Manifest } from "../../store/store.ts";
import { parseConstraint, satisfies } from "../../versions/constraint.ts";
import { parseVersion } from "../../versions/tag-version.ts";

/** A module or plugin by name, and the versions of it that will do; no constraint: any. */
export interface Requirement {
  readonly name: string;
  readonly constraint?: string | undefined;
}

/** What a plugin says about the cluster and the other plugins that it works with. */
export interface PluginContract {
  readonly modules: {
    readonly mandatory: readonly Requirement[];
    /** One of each group is needed. */
    readonly anyOf: readonly (readonly Requirement[])[];
    /** Only looked at when the module is there. */
    readonly conditional: readonly Requirement[];
  };
  readonly plugins: {
    readonly mandatory: readonly Requirement[];
    readonly conditional: readonly Requirement[];
  };
  /** Versions of the platform. */
  readonly platform?: string | undefined;
}

/** Tags of what a pull takes: what contracts are held against. */
export interface TakenVersions {
  readonly modules: ReadonlyMap<string, readonly string[]>;
  readonly platform: readonly string[];
}

/** Annotation of a plugin's manifest or index: base64 of a JSON document. */
const ANNOTATION = "contract";

/** The contract of a manifest, one that asks for nothing if it has none; undefined: it cannot be read. */
export function readContract({ bytes }: Pick<Manifest, "bytes">): PluginContract | undefined {
  try {
    const text = annotationsOf(bytes)[ANNOTATION];
    if (typeof text !== "string") return parseContract({});
    return parseContract(JSON.parse(Buffer.from(text, "base64").toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The first image of an index that has no contract itself: it has the one of the plugin. */
export function contractHolderOf({ bytes }: Pick<Manifest, "bytes">): string | undefined {
  const { annotations, manifests } = JSON.parse(bytes.toString("utf8"));
  const digest = manifests?.[0]?.digest;
  return annotations?.[ANNOTATION] === undefined && isDigest(digest) ? digest : undefined;
}

/** What a contract says of a module; undefined: the plugin is not for it. */
export function requirementOf(
  { modules: { mandatory, anyOf } }: PluginContract,
  module: string,
): Requirement | undefined {
  return [...mandatory, ...anyOf.flat()].find(({ name }) => name === module);
}

/** Whether a version lies in a constraint. Marks of a build, such as `-main`, are no pre-releases. */
export function isMet({ constraint }: Requirement, tag: string): boolean {
  if (constraint === undefined) return true;
  const version = parseVersion(isPrerelease(tag) ? tag : tag.replace(/-.*$/, ""));
  try {
    return version !== undefined && satisfies(parseConstraint(constraint), version);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Whether a tag names a version before a release, and not just how it was built. */
export function isPrerelease(tag: string): boolean {
  const [first] = parseVersion(tag)?.prerelease ?? [];
  return /^(?:alpha|beta|rc|pre|snapshot)/i.test(first ?? "");
}

/** Why a contract is not met by what is taken, leaving out a module that was looked at; undefined: it is met. */
export function unmetOf(
  { modules: { mandatory, anyOf }, platform }: PluginContract,
  taken: TakenVersions,
  paired?: string,
): string | undefined {
  const has = (module: Requirement) =>
    (taken.modules.get(module.name) ?? []).some((tag) => isMet(module, tag));
  const missing = mandatory.find((module) => module.name !== paired && !has(module));
  if (missing) return `needs module ${formatRequirement(missing)}`;
  const group = anyOf.find((modules) => modules.length > 0 && !modules.some(has));
  if (group) return `needs one of the modules ${group.map(formatRequirement).join(", ")}`;
  const release = { name: "platform", constraint: platform };
  const { length } = taken.platform;
  if (length === 0 || taken.platform.some((tag) => isMet(release, tag))) return undefined;
  return `needs the platform ${platform}`;
}

/** `"foo" >=1.3` */
export function formatRequirement({ name, constraint }: Requirement): string {
  return `"${name}"${constraint === undefined ? "" : ` ${constraint}`}`;
}

function annotationsOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  return JSON.parse(bytes.toString("utf8")).annotations ?? {};
}

function parseContract(document: unknown): PluginContract {
  const requirements = fieldsOf(fieldsOf(document)["requirements"]);
  const { modules, plugins, deckhouse } = requirements;
  const { anyOf, conditional } = fieldsOf(modules);
  const groups = Array.isArray(anyOf) ? anyOf : [];
  return {
    modules: {
      // The first form of contracts has a plain list
      mandatory: listOf(Array.isArray(modules) ? modules : fieldsOf(modules)["mandatory"]),
      anyOf: groups.map((group) => listOf(fieldsOf(group)["modules"])),
      conditional: listOf(conditional),
    },
    plugins: {
      mandatory: listOf(Array.isArray(plugins) ? plugins : fieldsOf(plugins)["mandatory"]),
      conditional: listOf(fieldsOf(plugins)["conditional"]),
    },
    platform: textOf(fieldsOf(deckhouse)["constraint"]),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : {};
}

function listOf(value: unknown): Requirement[] {
  return (Array.isArray(value) ? value : []).flatMap((item): Requirement[] => {
    const { name, constraint } = fieldsOf(item);
    return typeof name === "string" ? [{ name, constraint: textOf(constraint) }] : [];
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

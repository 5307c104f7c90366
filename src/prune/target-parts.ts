import {
  INSTALLERS,
  memberOf,
  PLATFORM_RELEASES,
  SECURITY_DIRECTORY,
  STANDALONE_INSTALLERS,
} from "../product/layouts.ts";

/** What belongs together in a target, and is kept or given up together. */
export type TargetPart =
  | { readonly kind: "platform" | "security" | "installer" | "images" }
  | { readonly kind: "member"; readonly catalog: string; readonly name: string };

const PLATFORM: ReadonlySet<string> = new Set([
  "",
  PLATFORM_RELEASES,
  INSTALLERS,
  STANDALONE_INSTALLERS,
]);

/** The part that a repository is of; paths are those of a push with modules in `modules`. */
export function partOf(path: string): TargetPart {
  const member = memberOf(path);
  if (member !== undefined) return { kind: "member", ...member };
  if (PLATFORM.has(path)) return { kind: "platform" };
  if (path.startsWith(`${SECURITY_DIRECTORY}/`)) return { kind: "security" };
  return { kind: path === "installer" ? "installer" : "images" };
}

export function nameOfPart(part: TargetPart): string {
  return part.kind === "member" ? `${part.catalog}/${part.name}` : part.kind;
}

/** Parts that are given up only where something kept names them: nobody gives up a platform by not naming it. */
export function isGuarded({ kind }: TargetPart): boolean {
  return kind === "platform" || kind === "security" || kind === "installer";
}

/** Where modules lie elsewhere than in `modules`, their paths are told as if they lay there. */
export function canonicalPath(path: string, modulesPath: string): string {
  if (modulesPath === "modules") return path;
  if (modulesPath !== "") {
    const prefix = `${modulesPath}/`;
    return path.startsWith(prefix) ? `modules/${path.slice(prefix.length)}` : path;
  }
  const [first = ""] = path.split("/");
  const isOther = RESERVED.has(first) || first.includes(".") || first === "localhost";
  return isOther ? path : `modules/${path}`;
}

/** Directly below the target beside modules, where these lie there too. */
const RESERVED: ReadonlySet<string> = new Set([
  ...PLATFORM,
  SECURITY_DIRECTORY,
  "packages",
  "deckhouse-cli",
  "installer",
]);

import { mergeScopes, type Scope } from "./scope.ts";

/** What a token says it is for; `opaque`: it does not say. */
export type TokenAccess = readonly Scope[] | "opaque";

const NAME = /^[\w./:*-]{1,300}$/;
const ACTION = /^[\w*-]{1,40}$/;

/**
 * Reads the `access` claim of a JWT (distribution, "Token Authentication Implementation"). Nobody vouches for it here: it
 * is for showing, and what it allows is decided by the registry.
 */
export function parseTokenAccess(token: string): TokenAccess {
  const [, claims, signature] = token.split(".");
  if (claims === undefined || signature === undefined) return "opaque";
  let access: unknown;
  try {
    access = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")).access;
  } catch {
    // not chained: the text of a JSON error quotes the token
    return "opaque";
  }
  return Array.isArray(access) ? mergeScopes(access.flatMap(toScope)) : "opaque";
}

function toScope(entry: unknown): readonly Scope[] {
  const { type, name, actions } = (entry ?? {}) as Record<string, unknown>;
  if (typeof type !== "string" || typeof name !== "string" || !Array.isArray(actions)) return [];
  const known = actions.filter((action) => typeof action === "string" && ACTION.test(action));
  return NAME.test(type) && NAME.test(name) ? [`${type}:${name}:${known.join(",")}`] : [];
}

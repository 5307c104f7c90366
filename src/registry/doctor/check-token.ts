import { MirrorError } from "../../errors.ts";
import { repositoryScope, type Scope } from "../auth/scope.ts";
import type { TokenAccess } from "../auth/token-access.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import type { Check } from "./report.ts";

const NAME = "token";

/** What the registry's tokens allow, as far as they tell. Comes after the requests that teach how to log in. */
export async function checkToken(
  { host, repository }: RepositoryContext,
  { push }: { readonly push: boolean },
): Promise<Check> {
  const { loginScheme } = host;
  if (loginScheme !== "bearer") {
    const detail =
      loginScheme === undefined ? "no login is asked for" : `${loginScheme} needs none`;
    return { name: NAME, status: "skipped", detail };
  }
  const wanted = push ? (["pull", "push"] as const) : (["pull"] as const);
  const scopes = [repositoryScope(repository, ...wanted)];
  try {
    const whose = (await host.credential(scopes)) ? "a token" : "an anonymous token";
    const access = await host.tokenAccess(scopes);
    return describe({ whose, access, repository, wanted });
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    const check: Check = { name: NAME, status: "limited", detail: error.message };
    return error.hint === undefined ? check : { ...check, hint: error.hint };
  }
}

interface Described {
  readonly whose: string;
  readonly access: TokenAccess | undefined;
  readonly repository: string;
  readonly wanted: readonly string[];
}

function describe({ whose, access, repository, wanted }: Described): Check {
  if (access === undefined) return { name: NAME, status: "skipped", detail: "none was needed" };
  if (access === "opaque") {
    const detail = `${whose}, which does not tell what it allows`;
    return { name: NAME, status: "ok", detail };
  }
  const granted = actionsOf(access, repository);
  const missing = wanted.filter((action) => !granted.includes(action));
  const allowed = granted.length === 0 ? "nothing here" : granted.join(", ");
  if (missing.length === 0) {
    return { name: NAME, status: "ok", detail: `${whose} for ${allowed}`, granted };
  }
  const detail = `${whose} for ${allowed}, not for ${missing.join(", ")}`;
  const hint = `Give the user the permission to ${missing.join(" and ")} at "${repository}", or log in as another one`;
  return { name: NAME, status: "limited", detail, granted, hint };
}

const ALL = ["pull", "push", "delete"];

function actionsOf(access: readonly Scope[], repository: string): readonly string[] {
  const start = `repository:${repository}:`;
  const own = access.filter((scope) => scope.startsWith(start));
  const actions = own.flatMap((scope) => scope.slice(start.length).split(","));
  return actions.includes("*") ? ALL : actions.filter((action) => action !== "");
}

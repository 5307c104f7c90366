/** What a token is asked for: `repository:acme/web:pull,push`. */
export type Scope = string;

export function repositoryScope(repository: string, ...actions: readonly Action[]): Scope {
  return `repository:${repository}:${actions.join(",")}`;
}

export type Action = "pull" | "push" | "delete";

/**
 * One scope per resource with the union of its actions. Resources keep the order in which they first appear: some
 * servers look at the first scope only, so callers put the one that matters first.
 */
export function mergeScopes(scopes: readonly Scope[]): readonly Scope[] {
  const merged = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const { resource, actions } = split(scope);
    const known = merged.get(resource) ?? new Set();
    for (const action of actions) known.add(action);
    merged.set(resource, known);
  }
  return [...merged].map(([resource, actions]) => `${resource}:${sortActions(actions).join(",")}`);
}

/** The scopes of a challenge parameter: separated by spaces. */
export function parseScopes(text: string): readonly Scope[] {
  return text.split(/\s+/).filter((scope) => scope.split(":").length >= 3);
}

/** Path of the repository that the first scope is for. */
export function repositoryOfScopes([first = ""]: readonly Scope[]): string | undefined {
  return /^repository:(.+):[^:]*$/.exec(first)?.[1];
}

/** Whether every action of `wanted` is contained in `granted`. */
export function coversScopes(granted: readonly Scope[], wanted: readonly Scope[]): boolean {
  const union = mergeScopes([...granted, ...wanted]);
  return scopeKey(union) === scopeKey(mergeScopes(granted));
}

/** The same text for the same set of scopes. */
export function scopeKey(scopes: readonly Scope[]): string {
  return [...mergeScopes(scopes)].sort().join(" ");
}

/** Split at the first and the last colon: a name may contain one, as in `repository:host:5000/a:pull`. */
function split(scope: Scope): { resource: string; actions: readonly string[] } {
  const end = scope.lastIndexOf(":");
  const actions = scope.slice(end + 1).split(",");
  return { resource: scope.slice(0, end), actions: actions.filter((action) => action !== "") };
}

const ACTION_ORDER = ["pull", "push", "delete"];

function sortActions(actions: ReadonlySet<string>): readonly string[] {
  const known = ACTION_ORDER.filter((action) => actions.has(action));
  return [...known, ...[...actions].filter((action) => !ACTION_ORDER.includes(action)).sort()];
}

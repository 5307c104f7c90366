/** `${NAME}` and `${NAME:-default}`; `$${` stands for `${`. */
const PLACEHOLDER = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Puts variables of the environment into a text; an empty one counts as not set. */
export function expandVariables(
  text: string,
  variables: Readonly<Record<string, string | undefined>>,
): { readonly text: string; readonly unset: readonly string[] } {
  const unset: string[] = [];
  const expanded = text.replace(
    PLACEHOLDER,
    (_, literal: string | undefined, name: string, fallback: string | undefined) => {
      if (literal !== undefined) return literal;
      const value = variables[name];
      if (value !== undefined && value !== "") return value;
      if (fallback === undefined) unset.push(name);
      return fallback ?? "";
    },
  );
  return { text: expanded, unset };
}

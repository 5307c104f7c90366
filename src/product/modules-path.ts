import { ReferenceInvalidError } from "../oci/errors.ts";
import { isRepositoryName } from "../oci/reference.ts";
import { option } from "../option.ts";

/**
 * What `modulesPathSuffix` says, for a source and for a target: the path of the modules without slashes at its ends.
 * Nothing is `modules`, `/` is the empty path. Throws `ReferenceInvalidError`.
 */
export function parseModulesPath(text = ""): string {
  if (text.trim() === "") return "modules";
  const path = text.trim().replace(/^\/+|\/+$/g, "");
  if (path === "" || isRepositoryName(path)) return path;
  throw new ReferenceInvalidError(text, `${option("modulesPathSuffix")} takes a repository path`, {
    hint: 'Write a path such as "modules", or "/" for modules directly below the repository',
  });
}

import { isRepositoryName } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { listNames } from "./name-list.ts";

/** What a token has to allow (distribution, "Token Scope"). */
const CATALOG_SCOPE = "registry:catalog:*";

/** All repositories of a registry; many registries refuse to tell. */
export function listRepositories(
  host: RegistryHost,
  options: OperationOptions = {},
): AsyncIterable<string> {
  const list = { path: "/v2/_catalog", scopes: [CATALOG_SCOPE], isName: isRepositoryName };
  return listNames(host, { field: "repositories", ...list }, options);
}

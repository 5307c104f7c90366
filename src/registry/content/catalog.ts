import { isRepositoryName } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { listPages } from "./pages.ts";

/** What a token has to allow (distribution, "Token Scope"). */
const CATALOG_SCOPE = "registry:catalog:*";

/** Repositories of a registry, page by page in the order of the server; many registries refuse to tell. */
export async function* listRepositories(
  host: RegistryHost,
  { signal }: OperationOptions = {},
): AsyncIterable<string> {
  const pages = listPages(host, { path: "/v2/_catalog", scopes: [CATALOG_SCOPE], signal });
  for await (const { document } of pages) {
    const names = (document as { repositories?: unknown } | null)?.repositories;
    // Some registries write an empty list as null
    for (const name of Array.isArray(names) ? names : []) {
      if (typeof name === "string" && isRepositoryName(name)) yield name;
    }
  }
}

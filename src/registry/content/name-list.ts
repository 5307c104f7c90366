import type { OperationOptions } from "../../store/store.ts";
import type { Scope } from "../auth/scope.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { listPages } from "./pages.ts";

/** A list of names that the distribution API gives in pages. */
export interface NameList {
  /** In words: `tags`, `repositories`; also the field that has them. */
  readonly field: string;
  readonly path: string;
  readonly scopes: readonly Scope[];
  readonly isName: (name: string) => boolean;
}

/** Asked for in one page: more is an error at some registries. */
const PAGE_SIZE = 1000;

/** All names of a list, page by page in the order of the server, each once. */
export async function* listNames(
  host: RegistryHost,
  { field, path, scopes, isName }: NameList,
  { signal }: OperationOptions = {},
): AsyncIterable<string> {
  const entriesOf = (document: unknown) => namesOf(document, field);
  const paging = { size: PAGE_SIZE, markerOf: String };
  let invalid = 0;
  for await (const page of listPages(host, { path, scopes, entriesOf, paging, signal })) {
    for (const name of page) {
      if (typeof name === "string" && isName(name)) yield name;
      else invalid += 1;
    }
  }
  if (invalid === 0) return;
  const { registry } = host;
  const message = `${invalid} names in the list "${registry}${path}" are left out: they cannot be ${field}`;
  host.onEvent({ type: "warning", code: "NAMES_INVALID", message, registry });
}

/** Registries written in Go answer `null`, or leave the field away, where there is no name. */
function namesOf(document: unknown, field: string): readonly unknown[] {
  const isObject = typeof document === "object" && document !== null && !Array.isArray(document);
  const fields = (isObject ? document : {}) as Readonly<Record<string, unknown>>;
  const names = fields[field];
  if (Array.isArray(names)) return names;
  if (names === null || (names === undefined && "name" in fields)) return [];
  throw new Error(`it is no list of ${field}`);
}

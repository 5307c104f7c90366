import { OptionInvalidError } from "../errors.ts";
import { loadTextFormats } from "../formats/text-formats.ts";
import type { ClientDocuments, ClientNotice } from "./client-document.ts";
import {
  type ClientRoutes,
  type ClientRoutesOptions,
  parseClientRoutes,
  type RouteForm,
} from "./client-routes.ts";
import { type PlannedFile, toFile } from "./planned-file.ts";
import type { Runtime } from "./runtime.ts";
import { RUNTIME_DEFAULTS, type RuntimeOptions } from "./runtime-options.ts";
import { RUNTIMES } from "./runtimes.ts";

export interface PlanClientConfigOptions extends ClientRoutesOptions {
  /** Name of one of the runtimes. */
  readonly runtime: string;
  readonly options?: Partial<RuntimeOptions> | undefined;
  /** Write the credential into the files; default false: they are made without, and a notice says so. */
  readonly includeSecrets?: boolean | undefined;
}

const LOGIN_WITHHELD: ClientNotice = {
  code: "CLIENT_SECRET",
  message: "The login of the mirror is not written: say that the files may include secrets",
};

/** What a client needs to take its images from a mirror. */
export interface ClientConfig {
  readonly runtime: string;
  /** Directory on the node that the paths of the files are below. */
  readonly directory: string;
  readonly files: readonly PlannedFile[];
  readonly steps: readonly string[];
  readonly notices: readonly ClientNotice[];
}

/**
 * The files of a client's configuration; the same options give the same bytes. Nothing is read or written but the
 * parsers that are loaded. Throws `OptionInvalidError`.
 */
export async function planClientConfig(request: PlanClientConfigOptions): Promise<ClientConfig> {
  const runtime = findRuntime(request.runtime);
  const parsed = parseClientRoutes(request);
  const isWithheld = parsed.credential !== undefined && !request.includeSecrets;
  const routes = isWithheld ? { ...parsed, credential: undefined } : parsed;
  const form = chooseForm(runtime, routes);
  refuseWildcard(runtime, routes, form);
  const formats = await loadTextFormats();
  const options = { ...RUNTIME_DEFAULTS, ...request.options };
  const planned: ClientDocuments = runtime.plan({ routes, form, options, formats });
  return {
    runtime: runtime.name,
    directory: runtime.directory,
    files: planned.documents
      .map((document) => toFile(document, runtime.directory, formats))
      .sort((left, right) => (left.path < right.path ? -1 : 1)),
    steps: planned.steps ?? [],
    notices: [...(planned.notices ?? []), ...(isWithheld ? [LOGIN_WITHHELD] : [])],
  };
}

function findRuntime(name: string): Runtime {
  const found = RUNTIMES.find((runtime) => runtime.name === name);
  if (found) return found;
  throw new OptionInvalidError("runtime", `there is none with the name ${JSON.stringify(name)}`, {
    hint: `Choose from ${RUNTIMES.map((runtime) => runtime.name).join(", ")}`,
  });
}

function chooseForm({ name, forms }: Runtime, { form, host }: ClientRoutes): RouteForm {
  const chosen = form ?? forms[0];
  if (!forms.includes(chosen)) {
    throw new OptionInvalidError("form", `${name} cannot use "${chosen}"`, {
      hint: `Leave it out, or choose from ${forms.join(", ")}`,
    });
  }
  const isAddress = /^\d+(?:\.\d+){3}(?::\d+)?$|^\[/.test(host);
  if (form === "host" && isAddress) {
    throw new OptionInvalidError("mirror", `names below the address "${host}" cannot exist`, {
      hint: "Give the domain that the registries' host names are below",
    });
  }
  return chosen;
}

function refuseWildcard(
  { name, takesWildcard }: Runtime,
  { namespaces }: ClientRoutes,
  form: RouteForm,
): void {
  if (!namespaces.includes("*") || (takesWildcard && form === "ns")) return;
  const why = takesWildcard ? `the form "${form}"` : name;
  throw new OptionInvalidError("namespaces", `${why} has no entry for all registries`, {
    hint: "Name each registry",
  });
}

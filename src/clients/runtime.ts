import type { TextFormats } from "../formats/text-formats.ts";
import type { ClientDocuments } from "./client-document.ts";
import type { ClientRoutes, RouteForm } from "./client-routes.ts";
import type { RuntimeOptions } from "./runtime-options.ts";

/** One client that can be configured, as data and one pure function. */
export interface Runtime {
  readonly name: string;
  readonly describe: string;
  /** Directory on the node that the paths of its files are below, and that the output directory stands for. */
  readonly directory: string;
  /** Forms that the client understands, the best first. */
  readonly forms: readonly [RouteForm, ...RouteForm[]];
  /** Whether `*` can stand for all other registries. */
  readonly takesWildcard: boolean;
  readonly plan: (request: RuntimeRequest) => ClientDocuments;
}

export interface RuntimeRequest {
  readonly routes: ClientRoutes;
  /** One of the runtime's forms. */
  readonly form: RouteForm;
  readonly options: RuntimeOptions;
  /** For formats inside formats. */
  readonly formats: TextFormats;
}

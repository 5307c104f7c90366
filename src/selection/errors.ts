import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";
import { type OptionName, option } from "../option.ts";

/** A selector, or the combination of selectors, has no meaning. */
export class SelectionInvalidError extends MirrorError {
  override readonly code = "SELECTION_INVALID";
  /** The option and its value, as far as there is one: `includeModules` "foo@^^1". */
  readonly selector: string;

  constructor(selector: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot use ${printable(selector)}: ${printable(reason)}`, options);
    this.selector = selector;
  }
}

export interface SelectionUnmatchedOptions extends MirrorErrorOptions {
  /** What exists and looks like it. */
  readonly nearest?: readonly string[] | undefined;
  readonly parts?: readonly SelectionUnmatchedError[] | undefined;
}

/** The selection asks for something that the source does not have. */
export class SelectionUnmatchedError extends MirrorError {
  override readonly code = "SELECTION_UNMATCHED";
  /** What was looked for: `module "foo"`, `tag "v9" of module "foo"`. */
  readonly subject: string;
  readonly nearest: readonly string[];
  /** The single mismatches, where the source lacks several things; otherwise this error itself. */
  readonly parts: readonly SelectionUnmatchedError[];

  constructor(subject: string, reason: string, options: SelectionUnmatchedOptions = {}) {
    super(`Cannot find ${printable(subject)}: ${printable(reason)}`, options);
    this.subject = subject;
    this.nearest = options.nearest ?? [];
    this.parts = options.parts ?? [this];
  }
}

/**
 * Reading a part of the source is not allowed. Some registries also deny what does not exist: only the user can tell,
 * and the option says so.
 */
export class ComponentDeniedError extends MirrorError {
  override readonly code = "REGISTRY_DENIED";
  readonly component: string;
  /** Repository. */
  readonly place: string;

  constructor(
    { name, place, without }: { name: string; place: string; without: OptionName },
    cause: MirrorError,
  ) {
    const login = cause.hint ?? "Log in with an account that may read it";
    const hint = `${login}; if the source has no ${name}, say so with ${option(without)}`;
    super(`Cannot read the ${name}: access to "${printable(place)}" is denied`, { cause, hint });
    this.component = name;
    this.place = place;
  }
}

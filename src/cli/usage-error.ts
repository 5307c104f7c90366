interface UsageErrorOptions extends ErrorOptions {
  readonly hint?: string;
  /** One line each, where several things are wrong. */
  readonly details?: readonly string[];
}

/** The command line, an environment variable or the configuration file asks for something that is not possible. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(message: string, { hint, details = [], ...options }: UsageErrorOptions = {}) {
    super(message, options);
    this.name = "UsageError";
    this.hint = hint;
    this.details = details;
  }
}

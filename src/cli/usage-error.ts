/** The command line, an environment variable or the configuration file asks for something that is not possible. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, { hint, ...options }: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.name = "UsageError";
    this.hint = hint;
  }
}

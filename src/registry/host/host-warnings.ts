import type { OnRegistryEvent } from "../registry-event.ts";
import { warningsOf } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";

export interface HostWarningsOptions {
  readonly registry: string;
  readonly redact: (text: string) => string;
  readonly onEvent: OnRegistryEvent;
}

/** Different warnings of one host that are passed on. */
const WARNING_LIMIT = 50;

/** Passes on what there is to warn of at one registry, each text once. */
export class HostWarnings {
  readonly #options: HostWarningsOptions;
  readonly #told = new Set<string>();

  constructor(options: HostWarningsOptions) {
    this.#options = options;
  }

  /** What the registry itself says beside an answer. */
  note({ headers }: HttpResponse): void {
    if (headers["warning"] === undefined) return;
    for (const message of warningsOf(headers)) {
      this.warn("REGISTRY_WARNING", this.#options.redact(message));
    }
  }

  warn(code: string, message: string): void {
    if (this.#told.has(message) || this.#told.size >= WARNING_LIMIT) return;
    this.#told.add(message);
    const { onEvent, registry } = this.#options;
    onEvent({ type: "warning", code, message, registry });
  }
}

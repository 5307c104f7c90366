import { setMaxListeners } from "node:events";
import { type ErrorCode, MirrorError } from "../errors.ts";
import type { OperationOptions } from "../store/store.ts";

/** A signal for all the operations of a run, aborted when one of the given signals is. */
export function joinSignals(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const joined = AbortSignal.any(signals.filter((signal) => signal !== undefined));
  // Every request and transfer listens
  setMaxListeners(0, joined);
  return joined;
}

export interface BatchOptions extends OperationOptions {
  /** Failures of one item that say nothing about the next one; any other ends the run. */
  readonly singleFailures: ReadonlySet<ErrorCode>;
}

/** A run over many items that outlives the failures of single ones. */
export class Batch {
  /** Aborted when the run ends early, from outside or by a failure. */
  readonly signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #singleFailures: ReadonlySet<ErrorCode>;
  #fatal: unknown;

  constructor({ signal, singleFailures }: BatchOptions) {
    this.signal = joinSignals(signal, this.#stop.signal);
    this.#singleFailures = singleFailures;
  }

  /** The failure that ended the run. */
  get fatal(): unknown {
    return this.#fatal;
  }

  /** A step of one item, unless the run has ended. `undefined`: it failed, or did not begin. */
  async attempt<Result>(
    step: () => Promise<Result>,
    onSingleFailure: (error: MirrorError) => void,
  ): Promise<Result | undefined> {
    if (this.#fatal !== undefined) return undefined;
    try {
      this.signal.throwIfAborted();
      return await step();
    } catch (error) {
      if (error instanceof MirrorError && this.#singleFailures.has(error.code)) {
        onSingleFailure(error);
      } else this.end(error);
      return undefined;
    }
  }

  end(failure: unknown): void {
    this.#fatal ??= failure;
    this.#stop.abort(failure);
  }
}

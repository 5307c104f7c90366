import { availableParallelism } from "node:os";
import type { MovingRun } from "../../store/store.ts";
import type { NetworkReach } from "../transport/connect/address.ts";
import type { ContentSpec } from "./messages.ts";
import { ThreadContent } from "./thread-content.ts";
import { ThreadLink } from "./thread-link.ts";
import type { ThreadSettings } from "./thread-settings.ts";

export interface TransferThreadsOptions {
  readonly settings: ThreadSettings;
  /** Most threads; default: the processors that the caller's own threads leave, from one to four. */
  readonly limit?: number | undefined;
  /** Runs that move less do without; default 64 MiB. */
  readonly fromBytes?: number | undefined;
  /** Hosts that are shown the client certificate. */
  readonly registries: () => readonly string[];
  readonly warn: (code: string, message: string) => void;
}

/** Four threads carry more than any line, and writes to one file wait for each other. */
const THREADS_LIMIT = 4;
const FROM_BYTES = 64 * 1024 * 1024;

/** The threads of a client: each moves the bytes of several transfers between its connections and files. */
export class TransferThreads implements AsyncDisposable {
  readonly #options: TransferThreadsOptions;
  readonly #links: ThreadLink[] = [];
  readonly #warned = new Set<string>();

  constructor(options: TransferThreadsOptions) {
    this.#options = options;
  }

  /** Whether to start threads, which takes as long as to move some dozen megabytes, for a run of so many bytes. */
  areWorth(run: MovingRun): boolean {
    return this.#limitFor(run) > 0 && run.runBytes >= (this.#options.fromBytes ?? FROM_BYTES);
  }

  /** Starts the threads of a run, if it is worth that: they are there when the first content is. */
  prepare(run: MovingRun): void {
    if (!this.areWorth(run)) return;
    while (this.#links.length < this.#limitFor(run)) this.#start();
  }

  /** Has one thread ready, whatever there will be to move. */
  prepareOne(): void {
    if (this.#options.limit !== 0) this.#start();
  }

  /** Gives content to the thread that has least to do. */
  open(spec: ContentSpec, run: MovingRun): ThreadContent {
    return new ThreadContent(this.#choose(run), spec, this.#options.registries);
  }

  #limitFor({ busyThreads }: MovingRun): number {
    const left = availableParallelism() - busyThreads;
    return this.#options.limit ?? Math.max(1, Math.min(left, THREADS_LIMIT));
  }

  reachOfHost(hostname: string): NetworkReach | undefined {
    for (const link of this.#links) {
      const reach = link.reachOf(hostname);
      if (reach) return reach;
    }
    return undefined;
  }

  #choose(run: MovingRun): ThreadLink {
    const [idlest] = [...this.#links].sort((left, right) => left.load - right.load);
    const isEnough = idlest?.load === 0 || this.#links.length >= this.#limitFor(run);
    return idlest && isEnough ? idlest : this.#start();
  }

  #start(): ThreadLink {
    const link = new ThreadLink(this.#options.settings, this.#warnOnce);
    this.#links.push(link);
    return link;
  }

  /** Each thread reads the same files. */
  readonly #warnOnce = (code: string, message: string): void => {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#options.warn(code, message);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map((link) => link[Symbol.asyncDispose]()));
  }
}

import { availableParallelism } from "node:os";
import type { NetworkReach } from "../transport/address.ts";
import type { ContentSpec } from "./messages.ts";
import { ThreadContent } from "./thread-content.ts";
import { ThreadLink } from "./thread-link.ts";
import type { ThreadSettings } from "./thread-settings.ts";

export interface TransferThreadsOptions {
  readonly settings: ThreadSettings;
  /** Most threads; default: one less than there are processors, from one to four. */
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
  readonly #limit: number;
  readonly #links: ThreadLink[] = [];
  readonly #warned = new Set<string>();

  constructor(options: TransferThreadsOptions) {
    this.#options = options;
    // one processor is left for the files' hashes, and for a registry on this machine
    this.#limit = options.limit ?? Math.max(1, Math.min(availableParallelism() - 1, THREADS_LIMIT));
  }

  /** Whether to start threads, which takes as long as to move some dozen megabytes, for a run of so many bytes. */
  areWorth(runBytes: number): boolean {
    return this.#limit > 0 && runBytes >= (this.#options.fromBytes ?? FROM_BYTES);
  }

  /** Gives content to the thread that has least to do. */
  open(spec: ContentSpec): ThreadContent {
    return new ThreadContent(this.#choose(), spec, this.#options.registries);
  }

  reachOfHost(hostname: string): NetworkReach | undefined {
    for (const link of this.#links) {
      const reach = link.reachOf(hostname);
      if (reach) return reach;
    }
    return undefined;
  }

  #choose(): ThreadLink {
    const [idlest] = [...this.#links].sort((left, right) => left.load - right.load);
    if (idlest && (idlest.load === 0 || this.#links.length >= this.#limit)) return idlest;
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

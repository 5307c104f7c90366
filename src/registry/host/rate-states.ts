import { dirname } from "node:path";
import { MirrorError } from "../../errors.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { mkdir } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Quota } from "../transport/patience/quota.ts";

/** What was learnt of how fast a registry may be asked. */
export interface RateState {
  /** Missing: it has not asked for less. */
  readonly requestsPerSecond?: number | undefined;
  readonly quota?: Quota | undefined;
}

export interface KnownRateState extends RateState {
  /** How long ago that was written. */
  readonly agoMs: number;
}

interface Entry extends RateState {
  /** Time of the day in milliseconds. */
  readonly at: number;
}

/** What is older says nothing any more. */
const KEPT_MS = 24 * 3_600_000;

/** One small file for all registries. What cannot be read or written costs a refused request, not the run. */
export class RateStates {
  readonly #path: string;
  readonly #now: () => number;
  readonly #noted = new Map<string, Entry>();
  #reading: Promise<Readonly<Record<string, Entry>>> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  async read(registry: string): Promise<KnownRateState | undefined> {
    this.#reading ??= this.#load();
    const entry = (await this.#reading)[registry];
    if (entry === undefined) return undefined;
    const agoMs = this.#now() - entry.at;
    return { ...entry, agoMs };
  }

  note(registry: string, state: RateState): void {
    this.#noted.set(registry, { ...state, at: this.#now() });
    this.#writing = this.#writing.then(() => this.#save());
  }

  /** When all is written that was noted. */
  async end(): Promise<void> {
    await this.#writing;
  }

  /** Of what other runs have written meanwhile, nothing is lost but what is about the same registry. */
  async #save(): Promise<void> {
    const entries = { ...(await this.#load()), ...Object.fromEntries(this.#noted) };
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeFileAtomically(
        this.#path,
        `${JSON.stringify({ version: 1, registries: entries })}\n`,
        {
          isPrivate: true,
        },
      );
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
    }
  }

  async #load(): Promise<Readonly<Record<string, Entry>>> {
    try {
      const document = JSON.parse(await readFile(this.#path, "utf8")) as {
        readonly version?: unknown;
        readonly registries?: Readonly<Record<string, Entry>>;
      };
      if (document.version !== 1) return {};
      const oldest = this.#now() - KEPT_MS;
      const entries = Object.entries(document.registries ?? {});
      return Object.fromEntries(entries.filter(([, entry]) => isEntry(entry) && entry.at > oldest));
    } catch {
      // None, or none that can be read
      return {};
    }
  }
}

function isEntry({ at, quota, requestsPerSecond }: Entry): boolean {
  const isRate = requestsPerSecond === undefined || requestsPerSecond > 0;
  const isQuota = quota === undefined || Number.isInteger(quota.remaining);
  return Number.isFinite(at) && isRate && isQuota;
}

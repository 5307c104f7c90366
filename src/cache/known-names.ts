import { basename, dirname } from "node:path";
import { hasErrorCode } from "../io/errors.ts";
import { readdir } from "../io/file-system.ts";

export interface KnownNamesOptions {
  /** Questions that are left to who asks before a directory is listed; default 0. */
  readonly patience?: number | undefined;
}

/**
 * What is not in some directories, by listing each once: a file that is not there costs a call to the system and an error
 * with each question, and a bundle of many blobs asks some times for each. What is there has to be looked at by who asks:
 * it may have been removed meanwhile. Not for directories where others may put what must be found.
 */
export class KnownNames {
  readonly #directories = new Map<string, KnownDirectory>();
  readonly #patience: number;

  constructor({ patience = 0 }: KnownNamesOptions = {}) {
    this.#patience = patience;
  }

  /** False: there was no such file when its directory was listed, and none was added since. */
  async mayHave(path: string): Promise<boolean> {
    const directory = this.#directoryOf(path);
    if (directory.questions++ < this.#patience) return true;
    directory.listing ??= listInto(directory.names, dirname(path));
    await directory.listing;
    return directory.names.has(basename(path));
  }

  /** The file is there, or will be. */
  add(path: string): void {
    this.#directoryOf(path).names.add(basename(path));
  }

  #directoryOf(path: string): KnownDirectory {
    const name = dirname(path);
    const known = this.#directories.get(name) ?? { names: new Set(), questions: 0 };
    this.#directories.set(name, known);
    return known;
  }
}

interface KnownDirectory {
  readonly names: Set<string>;
  questions: number;
  listing?: Promise<void>;
}

async function listInto(names: Set<string>, directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) names.add(name);
  } catch (error) {
    // What was never made holds nothing
    if (!hasErrorCode(error, "ENOENT")) throw error;
  }
}

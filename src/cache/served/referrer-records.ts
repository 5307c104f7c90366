import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { mkdir, readdir, rm } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";

export interface SubjectPlace {
  readonly namespace: string;
  readonly repository: string;
  readonly digest: Digest;
}

interface ReferrerRecord extends SubjectPlace {
  readonly referrers: readonly Descriptor[];
}

/** What registries said last of what refers to a manifest, below a directory; one file for each manifest. */
export class ReferrerRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined: it was never asked for, or its file is damaged. */
  async read(place: SubjectPlace): Promise<readonly Descriptor[] | undefined> {
    const record = await this.#readFile(this.#pathOf(place));
    return record?.digest === place.digest ? record.referrers : undefined;
  }

  async write(place: SubjectPlace, referrers: readonly Descriptor[]): Promise<void> {
    const path = this.#pathOf(place);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomically(path, JSON.stringify({ ...place, referrers }));
  }

  /** Removes those of manifests that nobody has any more. */
  async removeUnless(isKept: (subject: Digest) => boolean): Promise<void> {
    for (const name of (await readdir(this.#directory).catch(absent)) ?? []) {
      const path = join(this.#directory, name);
      const record = await this.#readFile(path);
      if (record === undefined || !isKept(record.digest)) await rm(path, { force: true });
    }
  }

  async #readFile(path: string): Promise<ReferrerRecord | undefined> {
    const text = await readFile(path, "utf8").catch(absent);
    try {
      const record = text === undefined ? undefined : (JSON.parse(text) as ReferrerRecord);
      return Array.isArray(record?.referrers) ? record : undefined;
    } catch {
      return undefined;
    }
  }

  /** Names of repositories and digests would make paths that are too long for some file systems. */
  #pathOf({ digest, namespace, repository }: SubjectPlace): string {
    const name = createHash("sha256").update(`${namespace}/${repository}@${digest}`).digest("hex");
    return join(this.#directory, `${name}.json`);
  }
}

function absent(error: unknown): undefined {
  if (!hasErrorCode(error, "ENOENT")) throw error;
}

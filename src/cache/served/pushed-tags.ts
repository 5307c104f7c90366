import { join } from "node:path";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { makeDirectoryDurably, removeDurably } from "../../io/durable.ts";
import { readFile } from "../../io/read-file.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { type PushedPlaces, readdirIfThere } from "./pushed-places.ts";

/** Tags that were pushed. One process changes them: what it has read once it knows. */
export class PushedTags {
  readonly #places: PushedPlaces;
  readonly #known = new Map<string, Promise<Map<string, Digest>>>();

  constructor(places: PushedPlaces) {
    this.#places = places;
  }

  async read(repository: string, tag: string): Promise<Digest | undefined> {
    return (await this.#load(repository)).get(tag);
  }

  async list(repository: string): Promise<Iterable<string>> {
    return (await this.#load(repository)).keys();
  }

  async write(repository: string, tag: string, digest: Digest): Promise<void> {
    const path = this.#places.tag(repository, tag);
    await makeDirectoryDurably(this.#places.tags(repository));
    await writeFileAtomically(path, JSON.stringify({ tag, digest }), { isPrivate: true });
    (await this.#load(repository)).set(tag, digest);
  }

  async remove(repository: string, tag: string): Promise<void> {
    await removeDurably(this.#places.tag(repository, tag));
    (await this.#load(repository)).delete(tag);
  }

  async removeAllOf(repository: string, digest: Digest): Promise<void> {
    for (const [tag, tagged] of await this.#load(repository)) {
      if (tagged === digest) await this.remove(repository, tag);
    }
  }

  #load(repository: string): Promise<Map<string, Digest>> {
    const known = this.#known.get(repository);
    if (known !== undefined) return known;
    const loading = readTags(this.#places.tags(repository));
    this.#known.set(repository, loading);
    loading.catch(() => this.#known.delete(repository));
    return loading;
  }
}

async function readTags(directory: string): Promise<Map<string, Digest>> {
  const tags = new Map<string, Digest>();
  const names = (await readdirIfThere(directory)) ?? [];
  for (const name of names.filter((found) => !found.endsWith(".tmp"))) {
    const path = join(directory, name);
    const { digest, tag } = parseTag(await readFile(path, "utf8"), path);
    tags.set(tag, digest);
  }
  return tags;
}

/** A tag that cannot be read is not a tag that is not there. */
function parseTag(text: string, path: string): { readonly tag: string; readonly digest: Digest } {
  try {
    const { digest, tag } = JSON.parse(text) as Record<string, unknown>;
    if (typeof tag === "string" && typeof digest === "string" && isDigest(digest)) {
      return { tag, digest };
    }
  } catch {
    // Said below
  }
  throw new ContentInvalidError(`tag "${path}"`, "it was pushed, and its file is damaged", {
    hint: "Remove the file, and push the tag again",
  });
}

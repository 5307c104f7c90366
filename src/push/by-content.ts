import type { Digest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";

/** Values by repository and digest. Of a hundred thousand blobs no text is made of both, and none is kept. */
export class ByContent<Value> {
  readonly #repositories = new Map<string, Map<Digest, Value>>();
  /** By the object that names a repository: each blob asks several times. */
  readonly #named = new WeakMap<RepositoryReference, Map<Digest, Value>>();

  get(repository: RepositoryReference, digest: Digest): Value | undefined {
    return this.#of(repository).get(digest);
  }

  set(repository: RepositoryReference, digest: Digest, value: Value): void {
    this.#of(repository).set(digest, value);
  }

  delete(repository: RepositoryReference, digest: Digest): void {
    this.#of(repository).delete(digest);
  }

  *values(): Generator<Value> {
    for (const values of this.#repositories.values()) yield* values.values();
  }

  #of(repository: RepositoryReference): Map<Digest, Value> {
    const known = this.#named.get(repository);
    if (known) return known;
    const name = formatReference(repository);
    const values = this.#repositories.get(name) ?? new Map<Digest, Value>();
    this.#repositories.set(name, values);
    this.#named.set(repository, values);
    return values;
  }
}

import type { Digest } from "../oci/digest.ts";

/** What is kept of one repository. */
export interface KeptRepository {
  readonly digests: Set<Digest>;
  /** Whatever these point at by now. */
  readonly tags: Set<string>;
}

/** What is kept, by the path of the repository below the target. */
export class Kept {
  readonly #repositories = new Map<string, KeptRepository>();
  /** Paths that are kept with everything at and below them. */
  readonly #whole = new Set<string>();

  add(
    path: string,
    { digest, tags = [] }: { readonly digest?: Digest; readonly tags?: Iterable<string> },
  ): void {
    const { digests, tags: kept } = this.of(path);
    if (digest !== undefined) digests.add(digest);
    for (const tag of tags) kept.add(tag);
    this.#repositories.set(path, { digests, tags: kept });
  }

  addWhole(path: string): void {
    this.#whole.add(path);
  }

  of(path: string): KeptRepository {
    return this.#repositories.get(path) ?? { digests: new Set(), tags: new Set() };
  }

  isWhole(path: string): boolean {
    return [...this.#whole].some((whole) => path === whole || path.startsWith(`${whole}/`));
  }

  get paths(): readonly string[] {
    return [...this.#repositories.keys()];
  }
}

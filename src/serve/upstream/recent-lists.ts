import type { UpstreamAccess } from "./upstream.ts";

/** A client takes the pages of a list one after the other, and each of them would ask for all of it. */
const RECENT_MS = 10_000;

const LISTS_LIMIT = 16;

type List = readonly string[] | undefined;

/** Lists of tags, one for all who ask for it at about the same time. */
export class RecentLists {
  readonly #access: Pick<UpstreamAccess, "now" | "share">;
  readonly #found = new Map<string, { readonly at: number; readonly list: List }>();

  constructor(access: Pick<UpstreamAccess, "now" | "share">) {
    this.#access = access;
  }

  async share(repository: string, load: () => Promise<List>): Promise<List> {
    const { now } = this.#access;
    const recent = this.#found.get(repository);
    const age = recent && now() - recent.at;
    if (recent && age !== undefined && age >= 0 && age < RECENT_MS) return recent.list;
    return await this.#access.share(`tags of ${repository}`, async () => {
      const at = now();
      const list = await load();
      if (this.#found.size >= LISTS_LIMIT) this.#found.clear();
      this.#found.set(repository, { at, list });
      return list;
    });
  }
}

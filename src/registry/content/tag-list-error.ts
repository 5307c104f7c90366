import { MirrorError } from "../../errors.ts";
import { option } from "../../option.ts";
import type { RegistryResponseError } from "../errors.ts";

/** A registry has no list of tags for anybody: proxies that only pass images on, for one. Nothing is said of what is there. */
export class TagListUnsupportedError extends MirrorError {
  override readonly code = "TAG_LIST_UNSUPPORTED";
  readonly registry: string;

  constructor(repository: string, cause: RegistryResponseError) {
    const { registry, status } = cause;
    super(
      `Registry "${registry}" gives no list of the tags of "${repository}": it answered ${status}`,
      {
        hint: `Name tags or digests one by one: what needs all tags cannot be done with this registry. With ${option("proxyRegistry")} the versions of a range are asked for one by one`,
        cause,
      },
    );
    this.registry = registry;
  }
}

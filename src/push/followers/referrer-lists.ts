import type { Clock } from "../../io/clock.ts";
import type { Notice } from "../../notice.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ReferrerSource } from "../../store/store.ts";
import { lookAgain } from "../look-again.ts";
import { isReferrer } from "./is-referrer.ts";

export interface ReferrerListsOptions {
  /** As in references. */
  readonly registry: string;
  readonly clock: Pick<Clock, "sleep">;
  readonly signal: AbortSignal;
  /** How long to wait before each further look. */
  readonly waitsMs: readonly number[];
  readonly onNotice: (notice: Notice) => void;
}

/**
 * Looks whether a registry lists what it has taken for its subject. One that did not list something after all waits most
 * likely lists nothing: the rest is looked for once, until something is listed again.
 */
export class ReferrerLists {
  readonly #options: ReferrerListsOptions;
  #isPatient = true;

  constructor(options: ReferrerListsOptions) {
    this.#options = options;
  }

  async confirm(
    target: ReferrerSource,
    referrer: { readonly digest: Digest; readonly subject: Digest },
  ): Promise<boolean> {
    const { clock, signal, waitsMs } = this.#options;
    const isListed = async () => ((await isReferrer(target, referrer, signal)) ? true : undefined);
    const waits = this.#isPatient ? waitsMs : [];
    const found = await lookAgain(isListed, { clock, signal, waitsMs: waits });
    if (found === undefined && this.#isPatient) this.#tell();
    this.#isPatient = found !== undefined;
    return this.#isPatient;
  }

  #tell(): void {
    const message = `"${this.#options.registry}" takes what belongs to an image and does not list it for that: what else it takes so is looked for once, and not waited for`;
    this.#options.onNotice({ code: "REFERRERS_UNLISTED", message });
  }
}

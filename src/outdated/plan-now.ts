import { type Failure, toFailure } from "../failure.ts";
import { LOCK_MEDIA_TYPE, type Lock, sealLock } from "../lock/lock.ts";
import { planWithFound } from "../pull/plan/plan-pull.ts";
import type { PlanPullOptions } from "../pull/pull-options.ts";
import { SelectionUnmatchedError } from "../selection/errors.ts";
import type { Selection } from "../selection/grammar/selection.ts";

export interface PlanNowOptions extends Omit<PlanPullOptions, "bundlePath" | "selection" | "lock"> {
  readonly selection: Selection;
  /** What is compared with, if that is a bundle. */
  readonly bundlePath: string | undefined;
}

export interface PlannedNow {
  readonly lock: Lock;
  readonly failures: readonly Failure[];
  /** What a bundle lacks; undefined without one. */
  readonly missingBytes: number | undefined;
}

/** Of what is compared with no bundle, nothing is looked at. */
const NOWHERE = ".mirror-nowhere";

/** What a selection comes to now. Images that the source has no more are left out, and are failures. */
export async function planNow(options: PlanNowOptions): Promise<PlannedNow> {
  const { bundlePath } = options;
  const failures: Failure[] = [];
  let { selection } = options;
  for (;;) {
    if (isEmpty(selection)) return { lock: EMPTY_LOCK, failures, missingBytes: 0 };
    try {
      const place = { bundlePath: bundlePath ?? NOWHERE };
      const { plan, lockFound } = await planWithFound({ ...options, ...place, selection });
      return {
        lock: lockFound(),
        failures: [...failures, ...plan.failures],
        missingBytes: bundlePath === undefined ? undefined : plan.missingBytes,
      };
    } catch (error) {
      if (!(error instanceof SelectionUnmatchedError)) throw error;
      const left = withoutUnmatched(selection, error);
      if (left.images.length === selection.images.length) throw error;
      const images = error.parts.filter(({ subject }) => subject.startsWith('image "'));
      failures.push(...images.map((part) => toFailure(part, part.subject)));
      selection = left;
    }
  }
}

/** Images that are named are independent of each other; without a module the rest would be another selection. */
function withoutUnmatched(selection: Selection, { parts }: SelectionUnmatchedError): Selection {
  const subjects = new Set(parts.map(({ subject }) => subject));
  const images = selection.images.filter(({ text }) => !subjects.has(`image "${text}"`));
  return { ...selection, images };
}

function isEmpty(selection: Selection): boolean {
  const { charts = [], files = [], images, source } = selection;
  return source === undefined && images.length + charts.length + files.length === 0;
}

const EMPTY_LOCK: Lock = sealLock({
  schemaVersion: 1,
  mediaType: LOCK_MEDIA_TYPE,
  selection: {},
  packages: [],
  totals: { images: 0, manifests: 0, blobs: 0, uniqueBytes: 0 },
});

import type { Digest } from "../../../src/oci/digest.ts";
import { readPullJournal } from "../../../src/pull/directory/pull-journal.ts";
import { readPinnedPlan, statePaths } from "../../../src/pull/directory/pull-state.ts";
import { type BlobTask, planWork } from "../../../src/pull/directory/transfer-plan.ts";
import { planPull } from "../../../src/pull/plan/plan-pull.ts";
import { pull } from "../../../src/pull/pull.ts";
import type { PullOptions, PullPlanReport, PullSummary } from "../../../src/pull/pull-options.ts";
import {
  openRegistryClient,
  type RegistryClientOptions,
} from "../../../src/registry/registry-client.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import type { SourceRepository } from "../../../src/store/store.ts";

export interface PullSampleOptions
  extends Omit<PullOptions, "selection" | "lock" | "openSource" | "bundlePath"> {
  readonly client?: RegistryClientOptions | undefined;
}

export interface PulledSample {
  readonly summary: PullSummary;
  /** The position at which each blob was asked for, the last one if several times. */
  readonly asked: ReadonlyMap<Digest, number>;
}

/** Pulls in this process what `wishes` say, over HTTP. */
export async function pullSample(
  bundlePath: string,
  wishes: ParseSelectionOptions,
  { client: clientOptions, ...options }: PullSampleOptions = {},
): Promise<PulledSample> {
  await using client = openRegistryClient(clientOptions);
  const asked = new Map<Digest, number>();
  const summary = await pull({
    ...options,
    bundlePath,
    selection: parseSelection(wishes).selection,
    openSource: (reference) => noting(client.repository(reference), asked),
  });
  return { summary, asked };
}

/** Plans in this process what a pull of `wishes` would do. */
export async function planSample(
  bundlePath: string,
  wishes: ParseSelectionOptions,
): Promise<PullPlanReport> {
  await using client = openRegistryClient();
  const { selection } = parseSelection(wishes);
  const openSource = client.repository.bind(client);
  return await planPull({ bundlePath, selection, openSource });
}

function noting(source: SourceRepository, asked: Map<Digest, number>): SourceRepository {
  return {
    ...source,
    fetch: (target, options) => {
      asked.set(target.digest, options?.offset ?? 0);
      return source.fetch(target, options);
    },
    fetchInto: async (target, places, options) => {
      const onStart = (offset: number) => {
        asked.set(target.digest, offset);
        options.onStart(offset);
      };
      return (await source.fetchInto?.(target, places, { ...options, onStart })) ?? false;
    },
  };
}

/** What the state of an unfinished pull says that is on disk: digest → bytes. */
export async function readProgress(bundlePath: string): Promise<ReadonlyMap<Digest, number>> {
  const paths = statePaths(bundlePath);
  const tasks = await readTasks(bundlePath);
  const { finished, marks } = await readPullJournal(paths.journal);
  return new Map(
    tasks.map(({ id, digest, size }) => [digest, finished.has(id) ? size : (marks.get(id) ?? 0)]),
  );
}

/** The blobs of the pinned plan; none without a plan. */
async function readTasks(bundlePath: string): Promise<readonly BlobTask[]> {
  const plan = await readPinnedPlan(statePaths(bundlePath).plan);
  return plan ? [...planWork(plan).tasks] : [];
}

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MirrorError } from "../../src/errors.ts";
import type { RepositoryReference } from "../../src/oci/reference.ts";
import type { OutdatedEvent } from "../../src/outdated/outdated-report.ts";
import { watchOutdated } from "../../src/outdated/watch-outdated.ts";
import { pull } from "../../src/pull/pull.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { image } from "../support/artifacts.ts";
import { createFakeClock } from "../support/clock.ts";
import { memorySource } from "../support/memory-source.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

class UnreachableError extends MirrorError {
  override readonly code = "REGISTRY_UNREACHABLE";
}

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

const named = (...tags: readonly string[]) =>
  Object.fromEntries(tags.map((tag) => [tag, image({ name: tag })]));

/** Looks at each of these states of the source, an hour after the one before. */
async function watchStates(states: readonly (readonly string[] | "away")[]) {
  const [first = []] = states;
  const { selection } = parseSelection({ includeImages: ["registry.test/acme/web@*"] });
  const bundlePath = directory.resolve("b");
  let state: readonly string[] | "away" = first;
  const openSource = (reference: RepositoryReference) => {
    if (state === "away") throw new UnreachableError("nobody answers");
    return memorySource({ "acme/web": named(...state) }).openSource(reference);
  };
  await pull({ bundlePath, selection, openSource });
  const events: OutdatedEvent[] = [];
  const clock = createFakeClock();
  let looks = 0;
  const stop = new AbortController();
  const options = { against: { kind: "bundle", path: bundlePath }, openSource, clock } as const;
  const outdated: boolean[] = [];
  const onEvent = (event: OutdatedEvent) => events.push(event);
  const sleep = async (ms: number, signal?: AbortSignal) => {
    looks += 1;
    state = states[looks] ?? "away";
    if (looks >= states.length) stop.abort(new Error("enough"));
    await clock.sleep(ms, signal);
  };
  const watching = watchOutdated({
    ...options,
    clock: { ...clock, sleep },
    everyMs: 3_600_000,
    signal: stop.signal,
    onEvent,
  });
  const run = async () => {
    for await (const { isOutdated } of watching) outdated.push(isOutdated);
  };
  await expect(run()).rejects.toThrow("enough");
  return { events, outdated, sleeps: clock.sleeps };
}

describe("watching", () => {
  test("looks each hour, and tells a new tag once", async () => {
    const states = [["1.0.0"], ["1.0.0", "1.1.0"], ["1.0.0", "1.1.0"], ["1.0.0", "1.1.0", "1.2.0"]];
    const { events, outdated, sleeps } = await watchStates(states);
    expect(outdated).toEqual([false, true, true, true]);
    expect(sleeps).toEqual([3_600_000, 3_600_000, 3_600_000]);
    expect(events.filter(({ type }) => type === "newTag")).toMatchObject([
      { tag: "1.1.0" },
      { tag: "1.2.0" },
    ]);
  });

  test("goes on after a look that failed, and says so", async () => {
    const { events, outdated } = await watchStates([["1.0.0"], "away", ["1.0.0", "1.1.0"]]);
    expect(outdated).toEqual([false, true]);
    expect(events.filter(({ type }) => type === "notice")).toEqual([
      { type: "notice", code: "LOOK_FAILED", message: "nobody answers" },
    ]);
  });
});

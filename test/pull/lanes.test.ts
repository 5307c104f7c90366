import { expect, test } from "vitest";
import type { ContentCache } from "../../src/cache/content-cache.ts";
import type { BlobTask } from "../../src/pull/directory/transfer-plan.ts";
import { runLanes, SMALL_BYTES } from "../../src/pull/lanes.ts";

/** Runs tasks of these sizes; resolves only if so many are under way at a time. Gives the most that there were. */
async function runUntil(
  sizes: readonly number[],
  { concurrency, together }: { readonly concurrency: number; readonly together: number },
): Promise<number> {
  const tasks = sizes.map((size, id) => ({ id, size }) as BlobTask);
  let [running, most, meet] = [0, 0, () => {}];
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  await runLanes(
    {
      tasks: tasks as unknown as Parameters<typeof runLanes>[0]["tasks"],
      cache: { keptFrom: async () => undefined } as unknown as ContentCache,
      concurrency,
    },
    async () => {
      running += 1;
      most = Math.max(most, running);
      if (running === together) meet();
      await met;
      running -= 1;
    },
  );
  return most;
}

test("five small blobs are asked for where two large ones are", async () => {
  const sizes = Array.from({ length: 8 }, () => 1000);
  expect(await runUntil(sizes, { concurrency: 2, together: 5 })).toBe(5);
});

test("no more large blobs come at a time than may", async () => {
  const sizes = Array.from({ length: 4 }, () => SMALL_BYTES + 1);
  expect(await runUntil(sizes, { concurrency: 2, together: 2 })).toBe(2);
});

test("one at a time is one, of the small ones as well", async () => {
  expect(await runUntil([1000, 1000, 1000], { concurrency: 1, together: 1 })).toBe(1);
});

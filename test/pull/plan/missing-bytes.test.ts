import { expect, test } from "vitest";
import { MadeList } from "../../../src/made-list.ts";
import type { BlobTask } from "../../../src/pull/directory/transfer-plan.ts";
import { countMissing } from "../../../src/pull/plan/missing-bytes.ts";

const TASKS = new MadeList(1000, (id): BlobTask => {
  const digest = `sha256:${String(id).padStart(64, "0")}`;
  const origin = { registry: "registry.test", repository: "many" };
  const content = { kind: "blob", digest, mediaType: "x/y", origin } as const;
  return { id, digest, size: 10, content, package: "many", places: [{ package: 0, entry: id }] };
});

test("countMissing() asks for some blobs at once, and for no more however many there are", async () => {
  let asking = 0;
  let most = 0;
  const keptFrom = async ({ digest }: { readonly digest: string }) => {
    most = Math.max(most, ++asking);
    await Promise.resolve();
    asking--;
    return digest.endsWith("7") ? 0 : undefined;
  };
  const available = ({ id }: BlobTask) => (id === 0 ? 4 : id === 1 ? 100 : 0);
  expect(await countMissing(TASKS, { available, cache: { keptFrom } })).toBe(10 * 900 - 4 - 10);
  expect(most).toBe(16);
});

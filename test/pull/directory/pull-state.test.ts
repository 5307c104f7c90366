import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pullSample } from "../../crash/support/resume.ts";
import { image, randomLayer, seed } from "../../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const MIB = 1024 * 1024;
let directory: TempDirectory;
let source: FaultRegistry;

beforeAll(async () => {
  directory = await openTempDirectory();
  source = await startFaultRegistry();
  const layers = [1, 2, 3].map((number) => randomLayer(2 * MIB, number));
  seed(source, "acme/web", { v1: image({ layers }) });
});

afterAll(async () => {
  await source?.close();
  await directory?.[Symbol.asyncDispose]();
});

/** How often files of this name are opened meanwhile. */
async function countOpens(name: string, act: () => Promise<unknown>): Promise<number> {
  const { open } = fs;
  let count = 0;
  fs.open = (path, ...options) => {
    if (String(path).endsWith(`/${name}`)) count += 1;
    return open(path, ...options);
  };
  syncBuiltinESMExports();
  try {
    await act();
  } finally {
    fs.open = open;
    syncBuiltinESMExports();
  }
  return count;
}

test("a pull that goes on reads its plan once, as it may have many megabytes", async () => {
  const path = directory.resolve("bundle");
  const wishes = { includeImages: [`${source.host}/acme/web:v1`] };
  const stop = new AbortController();
  const onEvent = ({ type }: { readonly type: string }) => {
    if (type === "blob-started") stop.abort(new Error("stopped"));
  };
  const stopped = pullSample(path, wishes, { signal: stop.signal, onEvent });
  await expect(stopped).rejects.toThrow();
  expect(await countOpens("plan.json", () => pullSample(path, wishes))).toBe(1);
});

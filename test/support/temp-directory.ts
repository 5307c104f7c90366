import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDirectory extends AsyncDisposable {
  readonly path: string;
  /** `join` with the directory first. */
  resolve(...segments: readonly string[]): string;
}

/** `await using directory = await openTempDirectory()`: removed with all it holds when the test ends. */
export async function openTempDirectory(prefix = "mirror-test-"): Promise<TempDirectory> {
  const path = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  return {
    path,
    resolve: (...segments) => join(path, ...segments),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

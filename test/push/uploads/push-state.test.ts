import { readdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { MirrorError } from "../../../src/errors.ts";
import { push } from "../../../src/push/push.ts";
import { PushState } from "../../../src/push/uploads/push-state.ts";
import type { RegistryClient } from "../../../src/registry/registry-client.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { writeSampleBundle } from "../../bundle/support/sample-bundle.ts";
import { startFaultRegistry } from "../../support/registry.ts";
import { mountSmallFileSystem } from "../../support/small-file-system.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const DIGEST = `sha256:${"ab".repeat(32)}` as const;
const TARGET = { registry: "127.0.0.1:5000", repository: "mirror" };
const SESSION = {
  location: "http://127.0.0.1:5000/u/1",
  offset: 7,
  startedAt: "2026-01-01T00:00:00Z",
};

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory();
});

afterAll(() => directory?.[Symbol.asyncDispose]());

describe("PushState", () => {
  const open = (bundle = "one") =>
    PushState.open({ directory: directory.path, bundle, target: TARGET });

  test("gives a session to the next run, until it is over", async () => {
    {
      await using state = await open();
      await state.sessionOf(TARGET, DIGEST).save(SESSION);
    }
    {
      await using state = await open();
      expect(state.sessionOf(TARGET, DIGEST).load()).toEqual(SESSION);
      await state.sessionOf(TARGET, DIGEST).save(undefined);
    }
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("goes on without a journal on a full disk, and says so once", async (context) => {
    await using small = await mountSmallFileSystem(64 * 1024);
    if (small === undefined) return context.skip();
    const errors: MirrorError[] = [];
    await using state = await PushState.open({
      directory: small.path,
      bundle: "full",
      target: TARGET,
      onUnsaved: (error) => errors.push(error),
    });
    await expect(writeFile(`${small.path}/rest`, Buffer.alloc(128 * 1024))).rejects.toThrow();
    const sessions = state.sessionOf(TARGET, DIGEST);
    await sessions.save(SESSION);
    await sessions.save({ ...SESSION, offset: 9 });
    expect(errors).toMatchObject([{ code: "SPACE_EXHAUSTED" }]);
    expect(sessions.load()).toMatchObject({ offset: 9 });
  });

  test("goes on without a place for state, and says so", async () => {
    const file = directory.resolve("file");
    await writeFile(file, "");
    vi.stubEnv("XDG_STATE_HOME", `${file}/state`);
    const errors: MirrorError[] = [];
    try {
      await using state = await PushState.open({
        directory: `${file}/bundle`,
        bundle: "read-only",
        target: TARGET,
        onUnsaved: (error) => errors.push(error),
      });
      const sessions = state.sessionOf(TARGET, DIGEST);
      await sessions.save(SESSION);
      expect(sessions.load()).toEqual(SESSION);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(errors).toMatchObject([{ code: "STORAGE_FAILED" }]);
    expect(errors[0]?.message).not.toContain("gone");
  });

  test("refuses a second push to the same target, not one of another bundle", async () => {
    await using _first = await open();
    await expect(open()).rejects.toMatchObject({
      code: "TARGET_LOCKED",
      holder: expect.stringContaining(String(process.pid)),
    });
    await using _other = await open("two");
  });
});

describe("push()", () => {
  test("leaves no state although a blob with a session came there by other ways", async () => {
    const bundlePath = directory.resolve("bundle");
    await writeSampleBundle(bundlePath);
    await using registry = await startFaultRegistry();
    await using client = openRegistryClient();
    await pushTo(client, bundlePath, registry.host);
    const target = { registry: registry.host, repository: "mirror" };
    const bundle = (await pushTo(client, bundlePath, registry.host)).bundle;
    {
      await using state = await PushState.open({
        directory: bundlePath,
        bundle: `${bundle}`,
        target,
      });
      await state.sessionOf(target, DIGEST).save(SESSION);
    }
    expect(await readdir(bundlePath)).toContain(".mirror");
    await pushTo(client, bundlePath, registry.host);
    expect(await readdir(bundlePath)).not.toContain(".mirror");
  });
});

function pushTo(client: RegistryClient, bundlePath: string, registry: string) {
  return push({
    bundlePath,
    target: { registry, repository: "mirror" },
    openTarget: (reference) => client.repository(reference),
  });
}

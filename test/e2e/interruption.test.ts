import { beforeEach, describe, expect, test } from "vitest";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { eachTest } from "../support/fixture.ts";
import type { RunningProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { hashFiles, listFiles } from "./support/bundle-directory.ts";
import { openStallingRegistry } from "./support/stalling-registry.ts";

const LARGE_BYTES = 4_000_000;

const directory = eachTest(openTempDirectory);
const source = eachTest(openStallingRegistry);

beforeEach(async () => {
  seed(source, "acme/web", {
    v1: image({ name: "web", layers: [randomLayer(LARGE_BYTES, 1), randomLayer(50_000, 2)] }),
  });
});

const args = (bundle: string) => ["pull", bundle, "--include-image", `${source.host}/acme/web:v1`];

/** A pull whose large blob has arrived by half: `--progress json` says when. */
async function startStalled(bundle: string): Promise<RunningProcess> {
  const options = { cwd: directory.path };
  const running = await startMirror([...args(bundle), "--progress", "json"], options);
  await running.waitFor(new RegExp(`"blob-started".*"size":${LARGE_BYTES}`));
  await running.waitFor(/"blob-finished".*"size":50000/);
  return running;
}

describe("mirror pull", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "ends with 130 at %s and says how to go on",
    async (signal) => {
      await using running = await startStalled("b");
      running.kill(signal);
      const { exitCode, stderr } = await running.finished;
      expect(exitCode).toBe(130);
      expect(stderr).toMatch(
        /^interrupted\. Run the same command again: it goes on where it stopped\.$/m,
      );
      expect(stderr).not.toMatch(/error|\bat .*\.js:/);
    },
  );

  test("goes on after SIGINT and makes the same bundle as an undisturbed run", async () => {
    await using running = await startStalled("b");
    running.kill("SIGINT");
    await running.finished;
    expect(Object.keys(await listFiles(directory.resolve("b")))).not.toContain("bundle.json");
    source.flow();
    const again = await runMirror(args("b"), { cwd: directory.path });
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toMatch(/already there \d/);
    const whole = await runMirror(args("whole"), { cwd: directory.path });
    expect(whole.exitCode).toBe(0);
    expect(await hashFiles(directory.resolve("b"))).toEqual(
      await hashFiles(directory.resolve("whole")),
    );
  });

  test("refuses a bundle that another run works on, and names its process", async () => {
    await using running = await startStalled("b");
    const { exitCode, stderr } = await runMirror(args("b"), { cwd: directory.path });
    expect(exitCode).toBe(30);
    expect(stderr).toContain(`process ${running.pid} on`);
    expect(stderr).toMatch(/hint: Wait for that run to end/);
    running.kill("SIGINT");
    expect((await running.finished).exitCode).toBe(130);
  });

  test("takes over the lock of a run that was killed", async () => {
    await using running = await startStalled("b");
    running.kill("SIGKILL");
    await running.finished;
    source.flow();
    const again = await runMirror(args("b"), { cwd: directory.path });
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect((await runMirror(["verify", "b"], { cwd: directory.path })).exitCode).toBe(0);
  });

  test("refuses to verify, inspect or push what is not finished", async () => {
    await using running = await startStalled("b");
    running.kill("SIGINT");
    await running.finished;
    for (const command of [
      ["verify", "b"],
      ["inspect", "b"],
      ["push", "b", `${source.host}/x`],
    ]) {
      const { exitCode, stderr } = await runMirror(command, { cwd: directory.path });
      expect(exitCode, stderr).toBe(21);
      expect(stderr).toMatch(/its pull is not finished/);
      expect(stderr).toMatch(/hint: Run the same pull again/);
    }
  });
});

describe("mirror push", () => {
  test("ends with 130 at SIGINT and finishes when it is run again", async () => {
    await using interrupted = await interruptPush();
    const { running, target } = interrupted;
    interrupted.release();
    const { exitCode, stderr } = await running.finished;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(SAYS_HOW_TO_GO_ON);
    expect(target.repositories.get(pushed())?.tags.size ?? 0).toBe(0);
    const again = await runMirror(["push", "b", `${target.host}/repo`], { cwd: directory.path });
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toMatch(/1 tag read back/);
  });

  test("does not wait long for a target that has stalled", async () => {
    await using interrupted = await interruptPush();
    const start = performance.now();
    const { exitCode, stderr } = await interrupted.running.finished;
    // The answer alone would be waited for twice as long
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(SAYS_HOW_TO_GO_ON);
  });

  test("ends at once at the second signal", async () => {
    await using interrupted = await interruptPush();
    const { running } = interrupted;
    running.kill("SIGTERM");
    const { exitCode, signal, stderr } = await running.finished;
    expect({ exitCode, signal }).toEqual({ exitCode: undefined, signal: "SIGTERM" });
    expect(stderr).not.toMatch(SAYS_HOW_TO_GO_ON);
  });
});

const SAYS_HOW_TO_GO_ON =
  /^interrupted\. Run the same command again: what has arrived is not sent again\.$/m;

/** A push that has had its first signal while its target does not answer; `release` lets the target answer. */
async function interruptPush() {
  source.flow();
  expect((await runMirror(args("b"), { cwd: directory.path })).exitCode).toBe(0);
  const [reached, released] = [createGate(), createGate()];
  const target = await openEmbeddedRegistry({
    middleware: async (request, next) => {
      if (request.method === "PUT" && request.path.includes("/blobs/uploads/")) {
        reached.open();
        await released.opened;
      }
      return next(request);
    },
  });
  const running = await startMirror(["push", "b", `${target.host}/repo`], { cwd: directory.path });
  await reached.opened;
  running.kill("SIGINT");
  await running.waitFor(/^interrupted: stopping in good order; once more to stop at once$/m);
  return {
    running,
    target,
    release: released.open,
    async [Symbol.asyncDispose]() {
      released.open();
      await running[Symbol.asyncDispose]();
      await target.close();
    },
  };
}

/** The repository that a push to `<target>/repo` makes of the image. */
const pushed = () => `repo/${source.host.replace(":", "-")}/acme/web`;

function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

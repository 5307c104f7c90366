import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { image, pushArtifacts, randomLayer } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { createRandom, integerBelow, seedsFrom } from "./support/random.ts";
import { readProgress } from "./support/resume.ts";
import { watchUntil } from "./support/watch-until.ts";

const MIB = 1024 * 1024;
const SEED = 20260;
const ROUNDS = 10;
const KILLS_IN_A_ROW = 5;
const BLOB = /\/blobs\/sha256:/;

/** `bytes fetched again`, at most, for each transfer that a kill interrupts (design/engine.md). */
const BOUND_BYTES = MIB;

/** Little is moved by the main thread, much by threads of its own. */
const AMOUNTS = [
  { what: "little", sizes: [7 * MIB + 77, 5 * MIB + 5, 3 * MIB], chunks: "6MB", rounds: ROUNDS },
  { what: "much", sizes: [66 * MIB + 77, 65 * MIB + 5, 3 * MIB], chunks: "30MB", rounds: 3 },
];

let directory: TempDirectory;
let registry: DockerRegistry;
let proxy: CountingProxy;
let flags: readonly string[];
let whole: Record<string, string>;

const crashes = requireTool("docker-registry").describe;
crashes.each(AMOUNTS)("mirror pull of $what from docker-registry", ({ sizes, chunks, rounds }) => {
  const total = sizes.reduce((sum, size) => sum + size, 0);

  beforeAll(async () => {
    const layers = sizes.map((size, position) => randomLayer(size, position + 1));
    directory = await openTempDirectory();
    registry = await startDockerRegistry();
    proxy = await startCountingProxy(registry.host);
    await pushArtifacts(registry.host, "acme/web", { v1: image({ layers }) });
    flags = ["--include-image", `${proxy.host}/acme/web:v1`, "-c", chunks];
    expect(await runMirror(["pull", directory.resolve("whole"), ...flags])).toMatchObject({
      exitCode: 0,
    });
    whole = await hashFiles(directory.resolve("whole"));
  });

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  test.each(seedsFrom(SEED, rounds))(
    "killed at a random byte goes on behind what was written, seed %i",
    async (seed) => {
      const bundle = directory.resolve(`killed-${seed}`);
      const position = integerBelow(total, createRandom(seed));
      const received = await pullAndKill(bundle, position);
      await finishAndCheck(bundle, received);
      await rm(bundle, { recursive: true });
    },
  );

  test(`killed ${KILLS_IN_A_ROW} times in a row gets further each time`, async () => {
    const random = createRandom(SEED);
    const bundle = directory.resolve("again-and-again");
    let received: ReadonlyMap<Digest, number> = new Map();
    for (let kill = 0; kill < KILLS_IN_A_ROW; kill++) {
      const bytes = integerBelow(total / 4, random);
      const before = received;
      const positions = await pullAndKill(bundle, bytes, (starts) => checkBound(before, starts));
      received = new Map([...before, ...positions]);
    }
    await finishAndCheck(bundle, received);
  });

  test("that is told to stop ends with what has come, and goes on behind it", async () => {
    const bundle = directory.resolve("stopped");
    const received = await pullAndEnd(bundle, Math.round(total / 2), "SIGINT");
    await finishAndCheck(bundle, received);
  });
});

function pullAndKill(
  bundle: string,
  bytes: number,
  check?: (starts: ReadonlyMap<Digest, number>) => void,
): Promise<ReadonlyMap<Digest, number>> {
  return pullAndEnd(bundle, bytes, "SIGKILL", check);
}

/**
 * Pulls until so many bytes of blobs have passed, waits until the program has written what it has, and ends it. Returns
 * the position that each blob has reached.
 */
async function pullAndEnd(
  bundle: string,
  bytes: number,
  signal: "SIGKILL" | "SIGINT",
  check: (starts: ReadonlyMap<Digest, number>) => void = () => {},
): Promise<ReadonlyMap<Digest, number>> {
  proxy.reset();
  const held = proxy.hold({ afterBytes: bytes, direction: "response", path: BLOB });
  await using running = await startMirror(["pull", bundle, ...flags]);
  await held;
  await watchUntil(bundle, async () => {
    const progress = await readProgress(bundle);
    return [...readPositions()].every(
      ([digest, position]) => position - (progress.get(digest) ?? 0) < BOUND_BYTES,
    );
  });
  running.kill(signal);
  const end = signal === "SIGKILL" ? { signal } : { exitCode: 130 };
  expect(await running.finished).toMatchObject(end);
  check(readStarts());
  const positions = readPositions();
  proxy.release();
  return positions;
}

async function finishAndCheck(
  bundle: string,
  received: ReadonlyMap<Digest, number>,
): Promise<void> {
  proxy.reset();
  const { exitCode, stderr } = await runMirror(["pull", bundle, ...flags]);
  expect(exitCode, stderr).toBe(0);
  expect(await hashFiles(bundle)).toEqual(whole);
  checkBound(received, readStarts());
}

/** No blob starts more than the bound before the byte that had arrived, and none behind it. */
function checkBound(
  received: ReadonlyMap<Digest, number>,
  starts: ReadonlyMap<Digest, number>,
): void {
  for (const [digest, start] of starts) {
    const position = received.get(digest) ?? 0;
    const where = `${digest} from ${start}, had ${position}`;
    expect(start, where).toBeLessThanOrEqual(position);
    expect(position - start, where).toBeLessThanOrEqual(BOUND_BYTES);
  }
}

/** Where each blob was asked from; a range has to be closed. */
function readStarts(): ReadonlyMap<Digest, number> {
  return new Map(
    proxy.find("GET", BLOB).map(({ path, range }) => {
      const [, start] = /^bytes=(\d+)-\d+$/.exec(range ?? "bytes=0-0") ?? [];
      expect(start, `range "${range}"`).toBeDefined();
      return [digestOf(path), Number(start)];
    }),
  );
}

/** Position in each blob that has passed the proxy. */
function readPositions(): ReadonlyMap<Digest, number> {
  const starts = readStarts();
  return new Map(
    proxy.find("GET", BLOB).map(({ path, responseBytes }) => {
      const digest = digestOf(path);
      return [digest, (starts.get(digest) ?? 0) + responseBytes];
    }),
  );
}

function digestOf(path: string): Digest {
  return path.slice(path.lastIndexOf("/") + 1) as Digest;
}

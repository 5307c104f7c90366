import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import type { TagsReport } from "../../src/tags/read-tags-options.ts";
import { image, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { createRandom } from "./support/random.ts";

const TAGS = 200;
const KILLS = 5;
/** What a killed run has asked for and not written: as many as it asks for at once. */
const AT_ONCE = 10;

const imagesOf = (age: string) =>
  Object.fromEntries(
    Array.from({ length: TAGS }, (_, n) => [`v1.0.${n}`, image({ name: `${age}${n}` })]),
  );
const OLD = imagesOf("old");
const NEW = imagesOf("new");
const digestsOf = (images: typeof OLD) =>
  Object.fromEntries(
    Object.entries(images).map(([tag, { manifest }]) => [tag, manifest.descriptor.digest]),
  );

let directory: TempDirectory;
let registry: EmbeddedRegistry;
let answered: number;
let onAnswer: () => void;

beforeAll(async () => {
  registry = await openEmbeddedRegistry({
    middleware: async (request, next) => {
      const answer = await next(request);
      answered += 1;
      onAnswer();
      return answer;
    },
  });
});

beforeEach(async () => {
  directory = await openTempDirectory();
  answered = 0;
  onAnswer = () => {};
  seed(registry, "acme/web", OLD);
});

afterEach(() => directory[Symbol.asyncDispose]());

afterAll(() => registry?.close());

function words(...flags: readonly string[]): string[] {
  const place = [`${registry.host}/acme/web`, "--cache-dir", directory.resolve("cache")];
  return ["tags", ...place, "--no-cache=false", "--rps", "100000", "--json", ...flags];
}

async function look(...flags: readonly string[]): Promise<TagsReport> {
  const { exitCode, stdout, stderr } = await runMirror(words(...flags));
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return JSON.parse(stdout) as TagsReport;
}

/** Ends with SIGKILL behind so many answers of the registry. */
async function lookUntil(count: number, ...flags: readonly string[]): Promise<void> {
  await using running = await startMirror(words(...flags));
  const end = answered + count;
  onAnswer = () => {
    if (answered >= end) running.kill("SIGKILL");
  };
  const { signal } = await running.finished;
  onAnswer = () => {};
  expect(signal).toBe("SIGKILL");
}

const rowsOf = ({ tags }: TagsReport) =>
  Object.fromEntries(tags.map(({ tag, digest }) => [tag, digest]));

test(`a first scan that is killed ${KILLS} times goes on where it was`, async () => {
  const random = createRandom(11);
  const whole = 2 * TAGS;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await lookUntil(2 + Math.floor((random() * whole) / KILLS));
  }
  const killed = answered;
  const report = await look();
  expect(rowsOf(report)).toEqual(digestsOf(OLD));
  expect(report.failures).toEqual([]);
  // A list for each run, and for each kill what was on the way
  expect(killed + report.requests).toBeLessThanOrEqual(
    whole + (KILLS + 1) * 2 + KILLS * 2 * AT_ONCE,
  );
  expect(report.requests).toBeLessThan(whole);
  expect(await look()).toMatchObject({ requests: 0 });
});

test(`a refresh that is killed ${KILLS} times leaves the last that is known of each tag`, async () => {
  await look();
  seed(registry, "acme/web", NEW);
  const random = createRandom(12);
  for (let kill = 0; kill < KILLS; kill += 1) {
    // The last ones end while the file, which has grown, is written anew
    const isLate = kill >= KILLS - 2;
    await lookUntil(isLate ? TAGS + 1 - (kill % 2) : 2 + random() * TAGS, "--refresh");
    const known = rowsOf(await look());
    for (const [tag, digest] of Object.entries(digestsOf(OLD))) {
      expect([digest, digestsOf(NEW)[tag]]).toContain(known[tag]);
    }
    expect(Object.keys(known)).toHaveLength(TAGS);
  }
  expect(rowsOf(await look("--refresh"))).toEqual(digestsOf(NEW));
});

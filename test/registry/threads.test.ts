import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FilePart } from "../../src/io/file-span.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import type { Repository } from "../../src/registry/repository.ts";
import type { FetchIntoOptions } from "../../src/store/store.ts";
import type { Faults } from "../support/registry.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { createAuthority } from "./support/authority.ts";
import { BROKEN_BODIES } from "./support/broken-bodies.ts";
import { blobOf } from "./support/content.ts";
import { startProxy } from "./support/proxy.ts";
import { send, startServer } from "./support/server.ts";
import { IMPATIENT, startSession } from "./support/session.ts";

const MIB = 1024 * 1024;
const blob = blobOf(randomBytes(4 * MIB + 17));
const { size } = blob.expected;
/** Threads whatever there is to move. */
const THREADS = { transferThreads: 2, transferThreadsFromBytes: 0 } as const;

let directory: TempDirectory;
let files = 0;

beforeAll(async () => {
  directory = await openTempDirectory();
});

afterAll(() => directory[Symbol.asyncDispose]());

/** A place over two files, behind other bytes of the first. */
function makePlace(): readonly FilePart[] {
  files += 1;
  const [first, second] = [directory.resolve(`${files}.0`), directory.resolve(`${files}.1`)];
  return [
    { path: first, offset: 512, length: 3 * MIB + 5 },
    { path: second, offset: 0, length: size - 3 * MIB - 5 },
  ];
}

async function readPlace(parts: readonly FilePart[]): Promise<Buffer> {
  const read = parts.map(async ({ path, offset, length }) =>
    (await readFile(path)).subarray(offset, offset + length),
  );
  return Buffer.concat(await Promise.all(read));
}

async function writePlace([first, second]: readonly FilePart[], bytes: Buffer): Promise<void> {
  if (!first || !second) return;
  const { length } = first;
  await writeFile(first.path, Buffer.concat([Buffer.alloc(512), bytes.subarray(0, length)]));
  if (bytes.length > length) await writeFile(second.path, bytes.subarray(length));
}

interface Watched extends Partial<FetchIntoOptions> {
  readonly places?: readonly (readonly FilePart[])[];
  readonly target?: Descriptor;
}

/** Fetches into files; what was told meanwhile. */
async function fetchInto(
  repository: Repository,
  { places = [makePlace()], target = blob.expected, keptBytes = 0, ...more }: Watched = {},
) {
  const told = { start: -1, received: 0, written: 0, places };
  const done = repository.fetchInto?.(target, places, {
    keptBytes,
    runBytes: 0,
    busyThreads: 0,
    onStart: (offset) => {
      told.start = offset;
    },
    onProgress: (bytes) => {
      told.received += bytes;
    },
    onWritten: (position) => {
      told.written = position;
    },
    ...more,
  });
  return { told, done };
}

async function fetchWith(faults: Faults, watched: Watched = {}) {
  const stalls = faults.drop?.how === "stall";
  await using session = await startSession(faults, { ...THREADS, ...(stalls ? IMPATIENT : {}) });
  session.seed(blob);
  const { told, done } = await fetchInto(session.repository, watched);
  const result: unknown = await done?.catch((error) => error);
  const written = await Promise.all(told.places.map((place) => readPlace(place).catch(() => null)));
  return {
    result,
    told,
    isRight: written.every((bytes) => bytes?.equals(blob.bytes)),
    requests: session.registry.log.find("GET", /\/blobs\//),
    events: session.events,
  };
}

describe("a thread that fetches into files", () => {
  test("writes a blob to all its places by one request", async () => {
    const { result, isRight, requests, told } = await fetchWith(
      {},
      { places: [makePlace(), makePlace()] },
    );
    expect({ result, isRight }).toEqual({ result: true, isRight: true });
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined]);
    expect(told).toMatchObject({ start: 0, received: size, written: size });
  });

  test("goes on behind what all places have", async () => {
    const places = [makePlace(), makePlace()];
    const kept = 3 * MIB + 1000;
    for (const place of places) await writePlace(place, blob.bytes.subarray(0, kept));
    const { isRight, requests, told } = await fetchWith({}, { places, keptBytes: kept });
    expect(isRight).toBe(true);
    expect(requests.map(({ headers }) => headers.range)).toEqual([`bytes=${kept}-${size - 1}`]);
    expect(told).toMatchObject({ start: kept, received: size - kept });
  });

  test("fetches all of it where places differ", async () => {
    const [one, other] = [makePlace(), makePlace()];
    await writePlace(one, blob.bytes.subarray(0, MIB));
    await writePlace(other, Buffer.alloc(MIB));
    const { isRight, told } = await fetchWith({}, { places: [one, other], keptBytes: MIB });
    expect({ isRight, start: told.start }).toEqual({ isRight: true, start: 0 });
  });

  test.each(BROKEN_BODIES)("goes on where it stopped when the body %s", async (_, faults) => {
    const { isRight, requests, events } = await fetchWith(faults);
    expect(isRight).toBe(true);
    const ranges = requests.slice(1).map(({ headers }) => headers.range);
    expect(ranges.length).toBeGreaterThan(0);
    for (const range of ranges) expect(range).toMatch(/^bytes=[1-9]\d*-\d+$/);
    expect(events.map(({ type }) => type)).toContain("retrying");
  });

  test("asks again when the connection is reset, whatever had come", async () => {
    const { isRight, events } = await fetchWith({
      drop: { afterBytes: 2 * MIB, how: "reset", times: 1 },
    });
    expect(isRight).toBe(true);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "retrying", reason: expect.stringMatching("reset") }),
    );
  });

  test.each<[string, Faults]>([
    ["ignored", { range: "ignored" }],
    ["answered from the start", { range: "from-zero" }],
    ["answered without Content-Range", { range: "no-header" }],
    ["refused", { range: "refused" }],
  ])("skips what it has when a range is %s, and says so", async (_, faults) => {
    const places = [makePlace()];
    for (const place of places) await writePlace(place, blob.bytes.subarray(0, 3 * MIB));
    const { isRight, events } = await fetchWith(faults, { places, keptBytes: 3 * MIB });
    expect(isRight).toBe(true);
    expect(events).toContainEqual(expect.objectContaining({ type: "restarted", bytes: 3 * MIB }));
  });

  test("refuses another blob of the same size", async () => {
    await using session = await startSession({}, THREADS);
    const wrong = Buffer.from(blob.bytes);
    wrong.writeUInt8(wrong.readUInt8(100) ^ 1, 100);
    session.seed({ ...blob, bytes: wrong });
    const { done } = await fetchInto(session.repository);
    await expect(done).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
      message: expect.stringContaining("its digest is sha256:"),
    });
  });

  test("refuses a blob of another size before it is read", async () => {
    const { result, told } = await fetchWith({}, { target: { ...blob.expected, size: 100 } });
    expect(result).toMatchObject({ code: "CONTENT_MISMATCH" });
    expect(told.received).toBe(0);
  });

  test("refuses more bytes than there should be, of a server that tells no length", async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200);
      response.write(blob.bytes);
      response.end("more");
    });
    await using client = openRegistryClient({ env: {}, ...THREADS });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const { done } = await fetchInto(repository);
    await expect(done).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
      message: expect.stringContaining("longer than"),
    });
  });

  test("rejects for a missing blob with what the registry says, once asked", async () => {
    await using session = await startSession({}, THREADS);
    const { done } = await fetchInto(session.repository);
    await expect(done).rejects.toMatchObject({
      code: "REGISTRY_NOT_FOUND",
      message: expect.stringContaining("BLOB_UNKNOWN"),
    });
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("takes its tokens from the client, and asks for no more than that does", async () => {
    await using session = await startSession({ auth: { scheme: "bearer" } } as Faults, THREADS);
    session.seed(blob);
    const done = [1, 2, 3].map(async () => (await fetchInto(session.repository)).done);
    expect(await Promise.all(done)).toEqual([true, true, true]);
    expect(session.registry.log.count("GET", /token/)).toBe(1);
  });

  test("stops when it is told to, and what has come is written", async () => {
    await using session = await startSession(
      { drop: { afterBytes: 2 * MIB, how: "stall" } },
      THREADS,
    );
    session.seed(blob);
    const controller = new AbortController();
    const { told, done } = await fetchInto(session.repository, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(done).rejects.toThrow("enough");
    expect(told.written).toBeGreaterThan(0);
    const [place = []] = told.places;
    const [first] = await Promise.all([readFile(place[0]?.path ?? "")]);
    const written = first.subarray(512, 512 + told.written);
    expect(written.equals(blob.bytes.subarray(0, told.written))).toBe(true);
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("gives up when nothing more comes for the retry time-out", async () => {
    await using session = await startSession({ drop: { afterBytes: 0, how: "reset" } }, THREADS);
    session.seed(blob);
    const start = session.clock.now();
    const { done } = await fetchInto(session.repository);
    await expect(done).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    const waited = session.clock.now() - start;
    expect(waited).toBeGreaterThan(10 * 60_000);
    expect(waited).toBeLessThanOrEqual(15 * 60_000);
  });

  test("gives up a server that drips", async () => {
    await using server = await startServer((_, response) => {
      const timer = setInterval(() => response.write("x"), 20);
      response.once("close", () => clearInterval(timer));
    });
    await using client = openRegistryClient({
      env: {},
      ...THREADS,
      stallTimeoutMs: 400,
      lowestBytesPerSecond: 1_000,
      retryTimeoutMs: 0,
    });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const { done } = await fetchInto(repository);
    await expect(done).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE", reason: "timeout" });
  });

  test("names the file that cannot be written, and asks no more", async () => {
    const path = directory.resolve("missing/file");
    const { result, requests } = await fetchWith(
      {},
      { places: [[{ path, offset: 0, length: size }]] },
    );
    expect(result).toMatchObject({
      code: "STORAGE_FAILED",
      path,
      hint: "Check the path, and that the medium is still mounted",
    });
    expect(requests).toHaveLength(1);
  });

  test("counts as connections of the client: others wait while as many are in use as there may be", async () => {
    let finish: (() => void) | undefined;
    await using server = await startServer(({ method }, response) => {
      if (method === "HEAD") return send(response, 200);
      response.writeHead(200, { "content-length": size });
      response.write(blob.bytes.subarray(0, MIB));
      finish = () => response.end(blob.bytes.subarray(MIB));
    });
    await using client = openRegistryClient({ env: {}, ...THREADS, concurrency: 1 });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    const [done] = await new Promise<[Promise<boolean> | undefined]>((resolve) => {
      const opening = fetchInto(repository, {
        onProgress: () => void opening.then((all) => resolve([all.done])),
      });
    });
    const asked = repository.exists(blob.expected);
    // Another client is answered many times meanwhile
    for (let count = 0; count < 50; count++) {
      await fetch(`http://${server.host}/v2/`, { method: "HEAD" });
    }
    const heads = () =>
      server.seen.filter(({ method, url }) => method === "HEAD" && url !== "/v2/");
    expect(heads()).toEqual([]);
    finish?.();
    expect(await done).toBe(true);
    expect(await asked).toBe(true);
    expect(heads()).toHaveLength(1);
  });

  test("tells of its requests with connections that have numbers of their own", async () => {
    const { events } = await fetchWith({ drop: { afterBytes: MIB, how: "eof", times: 2 } });
    const requests = events.filter((event) => event.type === "request");
    expect(requests.map(({ status }) => status)).toEqual([200, 206, 206]);
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(3);
    const [{ receivedBytes } = { receivedBytes: 0 }] = requests;
    expect(receivedBytes).toBeGreaterThan(0);
  });

  test("is not started for little", async () => {
    await using session = await startSession({}, { transferThreads: 2 });
    session.seed(blob);
    const { done } = await fetchInto(session.repository, { runBytes: 1 * MIB });
    expect(await done).toBe(false);
    expect(session.registry.log.entries).toEqual([]);
  });
});

requireTool("openssl").describe("a thread behind TLS and a proxy", () => {
  test("connects as the client does, with its certificates and its proxy", async () => {
    const authority = await createAuthority(directory.path);
    const certificate = await authority.issue("registry", { names: "DNS:registry.test" });
    const robot = await authority.issue("robot");
    const mutual = { ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    await using server = await startServer((_, response) => send(response, 200, {}, blob.bytes), {
      cert: certificate.cert,
      key: certificate.key,
      ...mutual,
    });
    await using proxy = await startProxy({ user: `user:${MARKER}` });
    const env = { HTTPS_PROXY: `http://user:${MARKER}@${proxy.host}` };
    const shown = { certFile: robot.certificatePath, keyFile: robot.keyPath };
    const registry = `registry.test:${server.host.replace(/^.*:/, "")}`;
    const attempt = async (options: object) => {
      await using client = openRegistryClient({ env, ...THREADS, retryTimeoutMs: 0, ...options });
      const repository = client.repository({ registry, repository: "acme/web" });
      const { told, done } = await fetchInto(repository);
      const result: unknown = await done?.catch((error) => error);
      return { result, told };
    };
    const { result, told } = await attempt({ ca: [authority.cert], ...shown });
    expect(result).toBe(true);
    expect((await readPlace(told.places[0] ?? [])).equals(blob.bytes)).toBe(true);
    const stranger = await attempt(shown);
    expect(stranger.result).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason: "certificate",
      hint: expect.stringContaining("Name the certificate"),
    });
    expect(String(stranger.result)).not.toContain(MARKER);
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import type { RegistryMiddleware, RegistryRequest } from "../../src/server/message.ts";
import { pullSample } from "../crash/support/resume.ts";
import { artifact, blob, seed } from "../support/artifacts.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const LARGE_BYTES = 1024 * 1024 + 1;
const SMALL_BYTES = 1000;

let directory: TempDirectory;

/** An artifact of an empty config, four large blobs and a small one, in this order. */
beforeAll(async () => {
  directory = await openTempDirectory();
  const sizes = [LARGE_BYTES, LARGE_BYTES, LARGE_BYTES, LARGE_BYTES, SMALL_BYTES];
  const blobs = sizes.map((size) => blob("text/plain", randomBytes(size)));
  await using source = await startFaultRegistry();
  seed(source, "acme/large", { v1: artifact({ blobs }) });
  await pullSample(directory.path, { includeImages: [`${source.host}/acme/large:v1`] });
});

afterAll(() => directory[Symbol.asyncDispose]());

async function pushThrough(middleware: RegistryMiddleware, concurrency: number) {
  await using registry = await startFaultRegistry({ middleware });
  await using client = openRegistryClient({ env: {} });
  return await push({
    bundlePath: directory.path,
    target: { registry: registry.host, repository: "repo" },
    openTarget: client.repository,
    concurrency,
  });
}

/** Of a blob that comes whole. */
function sizeOfPut({ method, path, headers }: RegistryRequest): number {
  const isBlob = ["POST", "PUT"].includes(method) && path.includes("/blobs/uploads");
  return isBlob ? Number(headers["content-length"]) : -1;
}

/** Opens once something was seen so often. */
function createGate(times: number) {
  let [seen, open] = [0, () => {}];
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const note = () => {
    seen += 1;
    if (seen === times) open();
  };
  return { opened, note };
}

test("a push asks for blobs while a GET confirms that a tag is not there", async () => {
  const asked = createGate(1);
  const receipt = await pushThrough(async (request, next) => {
    if (request.path.includes("/blobs/sha256:")) asked.note();
    if (request.method === "GET" && request.path.includes("/manifests/")) await asked.opened;
    return next(request);
  }, 2);
  expect(receipt.complete).toBe(true);
});

test("a push opens the upload of the next large blob while as many are sent as may be", async () => {
  // of one more than are sent
  const uploads = createGate(3);
  const receipt = await pushThrough(async (request, next) => {
    if (request.method === "POST" && sizeOfPut(request) === 0) uploads.note();
    if (sizeOfPut(request) !== LARGE_BYTES) return await next(request);
    await uploads.opened;
    return await next(request);
  }, 2);
  expect(receipt.complete).toBe(true);
});

test("a push sends the next large blob while the registry has not answered for the last ones", async () => {
  const begun = createGate(3);
  const receipt = await pushThrough(async (request, next) => {
    if (sizeOfPut(request) !== LARGE_BYTES) return await next(request);
    begun.note();
    const response = await next(request);
    await begun.opened;
    return response;
  }, 2);
  expect(receipt.complete).toBe(true);
});

test("a push sends a small blob while all that may be sent are large ones", async () => {
  const small = createGate(1);
  const receipt = await pushThrough(async (request, next) => {
    const size = sizeOfPut(request);
    if (size === LARGE_BYTES) await small.opened;
    if (size === SMALL_BYTES) small.note();
    return await next(request);
  }, 2);
  expect(receipt.complete).toBe(true);
});

test("a push of one at a time begins no large blob before the last one is there", async () => {
  const steps: string[] = [];
  let large = 0;
  const receipt = await pushThrough(async (request, next) => {
    const isLarge = sizeOfPut(request) === LARGE_BYTES;
    if (isLarge) steps.push(`${++large} begins`);
    const response = await next(request);
    if (isLarge) steps.push(`${large} is there`);
    return response;
  }, 1);
  expect(receipt.complete).toBe(true);
  expect(steps).toEqual([1, 2, 3, 4].flatMap((one) => [`${one} begins`, `${one} is there`]));
});

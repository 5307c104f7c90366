import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { writeBundle } from "../serve/support/bundles.ts";
import { image, randomLayer } from "../support/artifacts.ts";
import { startMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { mountFailingMedium } from "./support/failing-medium.ts";

const MIB = 1024 * 1024;
const SMALL = randomLayer(MIB, 61);
const LARGE = randomLayer(40 * MIB, 62);

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeBundle(directory.resolve("bundle"), {
    "docker.io/library/a:1": image({ layers: [SMALL, LARGE] }),
  });
});

afterAll(() => directory?.[Symbol.asyncDispose]());

test("a medium that is pulled out in the midst of a blob ends that connection, is told and counted, and other blobs go on", async (context) => {
  await using medium = await mountFailingMedium(directory.resolve("bundle"));
  if (medium === undefined) return context.skip();
  await using server = await startMirror([
    ...["serve", medium.path, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"],
  ]);
  const [, port, metricsPort] = await server.waitFor(/"port":(\d+).*"metricsPort":(\d+)/);
  const blobs = `http://127.0.0.1:${port}/v2/docker.io/library/a/blobs`;
  const digestAt = async (url: string) =>
    digestOf(Buffer.from(await (await fetch(url)).arrayBuffer()));
  const small = `${blobs}/${SMALL.descriptor.digest}`;
  expect(await digestAt(small)).toBe(SMALL.descriptor.digest);

  const [response] = (await once(get(`${blobs}/${LARGE.descriptor.digest}`), "response")) as [
    IncomingMessage,
  ];
  await once(response, "readable");
  await medium.pullOut();
  const seen = { bytes: 0 };
  const reading = async () => {
    for await (const chunk of response) seen.bytes += (chunk as Buffer).length;
  };
  await expect(reading()).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(seen.bytes).toBeLessThan(40 * MIB);

  await server.waitFor(/error: GET \S+: .*input\/output error.* \(STORAGE_FAILED\)/);
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics).toContain('mirror_serve_failures_total{code="STORAGE_FAILED"} 1');
  // What the system has read before is still there
  expect(await digestAt(small)).toBe(SMALL.descriptor.digest);
});

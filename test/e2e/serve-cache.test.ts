import { beforeAll, expect, test } from "vitest";
import { image, pushArtifacts } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const IMAGE = image({ name: "web" });

let cache: string;

const directory = allTests(openTempDirectory);
const registry = allTests(startFaultRegistry);

beforeAll(async () => {
  cache = directory.resolve("cache");
  await pushArtifacts(registry.host, "acme/web", { v1: IMAGE });
});

const run = (...args: readonly string[]) => runMirror(["cache", ...args, "--cache", cache]);

test("mirror cache shows what serve has kept, and removes it when serve has ended", async () => {
  const upstream = `quay.io=http://${registry.host}`;
  const server = await startMirror([
    ...["serve", "--listen", "127.0.0.1:0", "--cache", cache, "--upstream", upstream],
  ]);
  const [, port] = await server.waitFor(/"port":(\d+)/);
  await (await fetch(`http://127.0.0.1:${port}/v2/acme/web/manifests/v1?ns=quay.io`)).text();
  expect((await run("ls")).stdout).toContain(
    `quay.io/acme/web:v1 ${IMAGE.manifest.descriptor.digest} `,
  );
  expect((await run("prune")).exitCode).toBe(30);
  server.kill("SIGTERM");
  expect((await server.finished).exitCode).toBe(0);
  expect((await run("stats")).stdout).toMatch(
    /: \d+ B, 1 tag, 1 manifest, 0 blobs\n.*: 0 B, 0 tags of 0 repositories\n$/,
  );
  expect((await run("prune", "--cache-ttl", "1h")).stdout).not.toContain("removed");
  expect((await run("rm", "quay.io/acme/web")).stdout).toMatch(/^removed 1 file, /);
  expect(JSON.parse((await run("ls", "--json")).stdout)).toMatchObject({ images: [] });
});

test.each([
  [["rm"], "No image to remove is named"],
  [["ls", "quay.io/acme/web"], 'Cannot name images for "ls"'],
  [["show"], '"show" is not one of ls, stats, prune, rm'],
])("mirror cache %j is a usage error", async (args, message) => {
  const { exitCode, stderr } = await run(...args);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
});

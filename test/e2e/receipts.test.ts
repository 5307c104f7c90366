import { mkdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { errorResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

/** Pushes the sample bundle to a registry that answers so. */
async function pushTo(middleware: RegistryMiddleware) {
  await using directory = await openTempDirectory();
  const bundle = directory.resolve("bundle");
  await mkdir(bundle);
  await writeSampleBundle(bundle);
  await using registry = await startFaultRegistry({ middleware });
  const path = directory.resolve("receipt.json");
  const words = ["push", bundle, `${registry.host}/repo`, "--receipt", path];
  const env = { HOME: directory.path, DOCKER_CONFIG: directory.path };
  const { status, stderr } = await runInProcess(words, { env });
  const receipt = JSON.parse(await readFile(path, "utf8")) as Receipt;
  return { status, stderr, receipt };
}

const denied = () => errorResponse(403, { code: "DENIED", message: "no write access" });

test("a push that is denied everything writes a receipt of what was not pushed", async () => {
  const { status, stderr, receipt } = await pushTo(async (request, next) =>
    request.method === "GET" || request.method === "HEAD" ? next(request) : denied(),
  );
  expect(status).toBe(10);
  expect(stderr).toContain("no write access");
  expect(receipt.complete).toBe(false);
  expect(new Set(receipt.images.map(({ outcome }) => outcome))).toEqual(new Set(["failed"]));
  expect(receipt.failures.at(-1)).toMatchObject({ code: "REGISTRY_DENIED" });
});

test("a push that is denied one tag writes a receipt of all the others", async () => {
  const { status, receipt } = await pushTo(async (request, next) =>
    request.method === "PUT" && request.path.endsWith("/modules/foo/manifests/v1.0.0")
      ? denied()
      : next(request),
  );
  expect(status).toBe(3);
  expect(receipt.complete).toBe(false);
  const failed = receipt.images.filter(({ outcome }) => outcome === "failed");
  expect(failed.map(({ repository, tag }) => `${repository}:${tag}`)).toContain(
    "modules/foo:v1.0.0",
  );
  expect(receipt.images.filter(({ outcome }) => outcome === "pushed").length).toBeGreaterThan(0);
});

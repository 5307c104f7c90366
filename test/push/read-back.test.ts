import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TagUnconfirmedError } from "../../src/push/errors.ts";
import type { PushEvent } from "../../src/push/events.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import type { RegistryMiddleware } from "../../src/server/message.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { createFakeClock } from "../support/clock.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const OTHER = `sha256:${"ab".repeat(32)}`;

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeSampleBundle(directory.path);
});

afterAll(() => directory?.[Symbol.asyncDispose]());

/** Pushes the sample into a registry in which somebody changes what a tag answers once it is written. */
async function pushInto(answer: "another digest" | "nothing") {
  let written: string | undefined;
  const middleware: RegistryMiddleware = async (request, next) => {
    const response = await next(request);
    const isTag = /\/manifests\/v[^/]+$/.test(request.path);
    if (isTag && request.method === "PUT") written ??= request.path;
    const isRead = request.method === "HEAD" || request.method === "GET";
    if (request.path !== written || !isRead) return response;
    if (answer === "nothing") return { status: 404, headers: { "content-length": "0" } };
    return { ...response, headers: { ...response.headers, "docker-content-digest": OTHER } };
  };
  await using registry = await startFaultRegistry({ middleware });
  await using client = openRegistryClient();
  const events: PushEvent[] = [];
  const receipt = await push({
    onEvent: (event) => events.push(event),
    clock: createFakeClock(),
    bundlePath: directory.path,
    target: { registry: registry.host, repository: "repo" },
    openTarget: client.repository,
  });
  const [, repository, tag] = /^\/v2\/repo\/(.+)\/manifests\/(.+)$/.exec(written ?? "") ?? [];
  const image = receipt.images.find((one) => one.repository === repository && one.tag === tag);
  return { receipt, image, events, tag: tag ?? "?" };
}

describe("push() to a target whose tag is not what was written", () => {
  test.each([
    ["another digest", OTHER],
    ["nothing", undefined],
  ] as const)("fails with the tag in the receipt: %s", async (answer, found) => {
    const { receipt, image, events, tag } = await pushInto(answer);
    expect(receipt.complete).toBe(false);
    expect(image).toMatchObject({ outcome: "failed" });
    expect(image?.found).toBe(found);
    expect(receipt.failures).toContainEqual(
      expect.objectContaining({
        code: "CONTENT_MISMATCH",
        message: expect.stringContaining(tag),
        hint: expect.stringContaining("run the same command again"),
      }),
    );
    const outcomes = events.flatMap((event) =>
      event.type === "image-finished" && event.digest === image?.planned ? event.outcome : [],
    );
    expect(outcomes).toEqual(["failed"]);
  });
});

test("a tag that is named by another algorithm is not blamed on other writers", () => {
  const planned = `sha512:${"cd".repeat(64)}`;
  const { hint } = new TagUnconfirmedError("registry.test/web:v1", { planned, found: OTHER });
  expect(hint).toContain("another algorithm");
});

import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { fallbackTagOf } from "../../../src/registry/content/referrers.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { createFakeClock } from "../../support/clock.ts";
import { type SeenRequest, send, startServer } from "../support/server.ts";

const SUBJECT_BYTES = JSON.stringify({
  schemaVersion: 2,
  mediaType: MEDIA_TYPE.dockerManifestList,
  manifests: [describeText("a child")],
});
const SUBJECT = digestOf(Buffer.from(SUBJECT_BYTES));
const TAG = fallbackTagOf(SUBJECT);
const SIGNATURE = describeText("a signature");
const SBOM = describeText("an SBOM");

function describeText(text: string) {
  const bytes = Buffer.from(text);
  return { mediaType: MEDIA_TYPE.imageManifest, digest: digestOf(bytes), size: bytes.length };
}

const indexOf = (manifests: unknown, mediaType: string | undefined = MEDIA_TYPE.imageIndex) =>
  JSON.stringify({ schemaVersion: 2, mediaType, manifests });

type Respond = (response: ServerResponse, request: SeenRequest) => void;

interface Answers {
  /** To `GET …/referrers/…`. */
  readonly api: Respond;
  /** What the fallback tag holds; missing: there is no such tag. */
  readonly tagged?: string;
  readonly type?: string;
  /** Manifests that are there, beside the tag. */
  readonly held?: readonly string[];
}

function isAt(path: string, { url }: SeenRequest): boolean {
  return url.split("?")[0]?.endsWith(path) ?? false;
}

async function startRegistry({ api, tagged, type = MEDIA_TYPE.imageIndex, held = [] }: Answers) {
  return await startServer((request, response) => {
    if (isAt("/v2/", request)) return send(response, 200);
    if (/\/referrers\//.test(request.url)) return api(response, request);
    if (isAt(`/manifests/${TAG}`, request) && tagged !== undefined) {
      return send(response, 200, { "content-type": type }, tagged);
    }
    const isHeld = held.some((digest) => isAt(`/manifests/${digest}`, request));
    if (!isHeld) return send(response, 404);
    return send(response, 200, { "content-type": MEDIA_TYPE.imageManifest, "content-length": "9" });
  });
}

async function list(answers: Answers, tags?: readonly string[]) {
  await using registry = await startRegistry(answers);
  const events: RegistryEvent[] = [];
  const onEvent = (event: RegistryEvent) => void events.push(event);
  await using client = openRegistryClient({ clock: createFakeClock(), onEvent });
  const repository = client.repository({ registry: registry.host, repository: "acme/web" });
  const options = tags === undefined ? {} : { tags: new Set(tags) };
  const found = await repository.referrers(SUBJECT, options).catch((error) => error);
  const digests = Array.isArray(found) ? found.map(({ digest }) => digest) : found;
  return { digests, events, seen: registry.seen };
}

const answer =
  (status: number, headers = {}, body = ""): Respond =>
  (response) =>
    send(response, status, headers, body);

const NO_API = answer(404, { "content-type": "text/plain" }, "404 page not found\n");
const EMPTY = answer(200, { "content-type": MEDIA_TYPE.imageIndex }, indexOf([]));

describe("a registry that has no list of referrers", () => {
  test.each<[string, Respond]>([
    ["404", NO_API],
    ["405", answer(405)],
    ["501", answer(501)],
    ["an empty document of its own", answer(200, {}, "{}")],
    ["a web page", answer(200, { "content-type": "text/html; charset=utf-8" }, "<html></html>")],
  ])("and says so with %s is asked for the fallback tag", async (_, api) => {
    expect((await list({ api, tagged: indexOf([SIGNATURE]) })).digests).toEqual([SIGNATURE.digest]);
  });

  // GHCR sends such requests to pages for people (303 to github.com, which limits them)
  test.each([301, 302, 303, 307])(
    "and sends elsewhere with %i is not followed there",
    async (status) => {
      await using elsewhere = await startServer((_, response) => send(response, 429));
      const location = `http://${elsewhere.host}/-/v2/packages/container/acme%2Fweb%2Freferrers%2Fsha256`;
      const api = answer(status, { location });
      const { digests } = await list({ api, tagged: indexOf([SIGNATURE]) });
      expect(digests).toEqual([SIGNATURE.digest]);
      expect((await list({ api })).digests).toEqual([]);
      expect(elsewhere.seen).toEqual([]);
    },
  );

  test("is followed to another registry that answers in its place", async () => {
    await using backend = await startServer((_, response) => {
      send(response, 200, { "content-type": MEDIA_TYPE.imageIndex }, indexOf([SIGNATURE]));
    });
    const api: Respond = (response) => {
      const location = `http://${backend.host}/v2/project/images/acme/web/referrers/${SUBJECT}`;
      send(response, 307, { location });
    };
    expect((await list({ api })).digests).toEqual([SIGNATURE.digest]);
  });

  test("is asked for a list in each repository: others of the same host may have one", async () => {
    await using registry = await startServer((request, response) => {
      if (isAt("/v2/", request)) return send(response, 200);
      if (!/\/referrers\//.test(request.url)) return send(response, 404);
      const api = /\/virtual\//.test(request.url) ? NO_API : null;
      if (api) return api(response, request);
      send(response, 200, { "content-type": MEDIA_TYPE.imageIndex }, indexOf([SIGNATURE]));
    });
    await using client = openRegistryClient({ clock: createFakeClock() });
    const listIn = async (repository: string) =>
      await client.repository({ registry: registry.host, repository }).referrers(SUBJECT);
    expect(await listIn("virtual/web")).toEqual([]);
    expect(await listIn("local/web")).toMatchObject([{ digest: SIGNATURE.digest }]);
    const asked = registry.seen.length;
    await listIn("virtual/web");
    expect(registry.seen.slice(asked).map(({ url }) => url)).toEqual([
      `/v2/virtual/web/manifests/${TAG}`,
    ]);
  });
});

describe("a list of referrers", () => {
  test("is one without a media type too, as the header has that", async () => {
    const body = JSON.stringify({ schemaVersion: 2, manifests: [SIGNATURE] });
    const api = answer(200, { "content-type": MEDIA_TYPE.imageIndex }, body);
    expect((await list({ api })).digests).toEqual([SIGNATURE.digest]);
  });

  test("that is empty does not hide what clients put behind the fallback tag before there was one", async () => {
    const tagged = indexOf([SIGNATURE, SBOM]);
    const held = [SIGNATURE.digest];
    const { digests } = await list({ api: EMPTY, tagged, held }, ["v1", TAG]);
    expect(digests).toEqual([SIGNATURE.digest]);
  });

  test("is not asked for behind a tag that is not there", async () => {
    const { digests, seen } = await list({ api: NO_API }, ["v1"]);
    expect(digests).toEqual([]);
    expect(seen.filter(({ url }) => url.includes("/manifests/"))).toEqual([]);
  });
});

describe("the fallback tag", () => {
  // GitLab takes it for the digest that it is made of
  test("behind which the subject lies lists nothing", async () => {
    const tagged = SUBJECT_BYTES;
    const type = MEDIA_TYPE.dockerManifestList;
    expect((await list({ api: NO_API, tagged, type })).digests).toEqual([]);
  });

  // Builds name images by the digest of what they were made of
  test.each([
    ["with no list of referrers", NO_API],
    ["with a list of referrers", EMPTY],
  ])("behind which anything else lies lists nothing, and is told, %s", async (_, api) => {
    const tagged = "{}";
    const answers = { api, tagged, type: MEDIA_TYPE.imageManifest };
    const { digests, events } = await list(answers, [TAG]);
    expect(digests).toEqual([]);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "warning",
        code: "FALLBACK_TAG_OTHER",
        message: expect.stringContaining(TAG),
      }),
    );
  });
});

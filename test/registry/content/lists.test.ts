import { describe, expect, test } from "vitest";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { createFakeClock } from "../../support/clock.ts";
import { collect } from "../support/content.ts";
import { type Answer, type SeenRequest, send, startServer } from "../support/server.ts";

const SUBJECT = digestOf(Buffer.from("a subject"));

/** `t0001`, `t0002` … in their order. */
const tagsUpTo = (count: number) =>
  Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(4, "0")}`);

const queryOf = ({ url }: SeenRequest) => new URL(url, "http://registry").searchParams;

/** A registry that gives at most `limit` names, understands `n` and `last` and never sends a `Link`. */
function withoutLinks(tags: readonly string[], limit: number): Answer {
  return (request, response) => {
    const query = queryOf(request);
    const after = query.get("last") ?? "";
    const size = Math.min(Number(query.get("n") ?? limit), limit);
    const page = tags.filter((tag) => tag > after).slice(0, size);
    send(response, 200, {}, JSON.stringify({ name: "acme/web", tags: page }));
  };
}

/** What the list gives, or how it fails; and what was asked for. */
async function listTags(answer: Answer) {
  const events: RegistryEvent[] = [];
  await using server = await startServer(answer);
  await using client = openRegistryClient({
    clock: createFakeClock(),
    onEvent: (event) => events.push(event),
  });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  const tags = await collect(repository.listTags()).catch((error) => error);
  return { tags, asked: server.seen.map(({ url }) => url), events };
}

async function listReferrers(answer: Answer) {
  await using server = await startServer(answer);
  await using client = openRegistryClient({ clock: createFakeClock() });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  return await repository.referrers(SUBJECT).catch((error) => error);
}

describe("a list of tags without Link", () => {
  test("goes on behind its last tag as long as pages are full", async () => {
    const wanted = tagsUpTo(1102);
    const { tags, asked } = await listTags(withoutLinks(wanted, 1000));
    expect(tags).toEqual(wanted);
    expect(asked).toEqual([
      "/v2/acme/web/tags/list?n=1000",
      "/v2/acme/web/tags/list?n=1000&last=t1000",
    ]);
  });

  test.each([50, 64, 100, 256, 500])("is whole if the server gives %i at most", async (limit) => {
    const wanted = tagsUpTo(1102);
    expect((await listTags(withoutLinks(wanted, limit))).tags).toEqual(wanted);
  });

  test("is not asked for again if its one page is short", async () => {
    expect((await listTags(withoutLinks(tagsUpTo(103), 1000))).asked).toHaveLength(1);
  });

  test("ends when a page brings nothing new, each tag given once", async () => {
    const wanted = tagsUpTo(1000);
    const { tags, asked } = await listTags((_, response) => {
      send(response, 200, {}, JSON.stringify({ tags: wanted }));
    });
    expect(tags).toEqual(wanted);
    expect(asked).toHaveLength(2);
  });

  test("goes on behind the last tag of the server, whatever its order is", async () => {
    const wanted = tagsUpTo(1102).reverse();
    const { tags } = await listTags((request, response) => {
      const start = wanted.indexOf(queryOf(request).get("last") ?? "") + 1;
      send(response, 200, {}, JSON.stringify({ tags: wanted.slice(start, start + 1000) }));
    });
    expect(tags).toEqual(wanted);
  });

  test("goes on without a page size where the server refuses it", async () => {
    const wanted = tagsUpTo(250);
    const inPages = withoutLinks(wanted, 100);
    const { tags } = await listTags((request, response) => {
      if (queryOf(request).has("n")) send(response, 400);
      else inPages(request, response);
    });
    expect(tags).toEqual(wanted);
  });

  test("is whole if the server does not know `last` and had no more", async () => {
    const wanted = tagsUpTo(100);
    const { tags } = await listTags((request, response) => {
      if (queryOf(request).has("last")) send(response, 400);
      else send(response, 200, {}, JSON.stringify({ tags: wanted }));
    });
    expect(tags).toEqual(wanted);
  });
});

describe("the Link of a list", () => {
  const pages = (link: string | readonly string[]): Answer => {
    return (request, response) => {
      const isFirst = !queryOf(request).has("page");
      const tags = isFirst ? ["v1"] : ["v2"];
      send(response, 200, isFirst ? { link } : {}, JSON.stringify({ tags }));
    };
  };

  test.each<[string, string | readonly string[]]>([
    ["with quotes", '</v2/acme/web/tags/list?page=2>; rel="next"'],
    ["without quotes", "</v2/acme/web/tags/list?page=2>;rel=next"],
    ["with other parameters", '</v2/acme/web/tags/list?page=2>; title="a, b"; REL="Next"'],
    ["with several relations", '</v2/acme/web/tags/list?page=2>; rel="last next"'],
    ["without a relation", "</v2/acme/web/tags/list?page=2>"],
    ["after others", '</first>; rel="first", </v2/acme/web/tags/list?page=2>; rel="next"'],
    ["in a line of its own", ['</first>; rel="first"', '<?page=2>; rel="next"']],
    ["with a comma in its address", '<?page=2&x=a,b>; rel="next"'],
  ])("is followed %s", async (_, link) => {
    expect((await listTags(pages(link))).tags).toEqual(["v1", "v2"]);
  });

  test.each([
    '/v2/acme/web/tags/list?page=2; rel="next"',
    '</v2/acme/web/tags/list?page=2; rel="next"',
    "?page=2",
    '<>; rel="next"',
    '<http://[>; rel="next"',
    '<?page=2>; rel="next" junk',
  ])("is an error that shows it if it cannot be read: %s", async (link) => {
    const { tags } = await listTags(pages(link));
    expect(tags).toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining(link.replace(/^<|>.*$/g, "").slice(0, 20)),
    });
  });

  test("that leads to no next page ends the list", async () => {
    expect((await listTags(pages('</v2/acme/web/tags/list>; rel="first"'))).tags).toEqual(["v1"]);
  });
});

describe("a later page that fails", () => {
  const withPage = (answer: Answer): Answer => {
    return (request, response) => {
      if (queryOf(request).has("page")) answer(request, response);
      else {
        const link = `<${request.url.split("?")[0]}?page=2>; rel="next"`;
        const manifests = [{ mediaType: MEDIA_TYPE.imageManifest, digest: SUBJECT, size: 9 }];
        const mediaType = MEDIA_TYPE.imageIndex;
        const document = { schemaVersion: 2, mediaType, tags: ["v1"], manifests };
        send(response, 200, { link }, JSON.stringify(document));
      }
    };
  };

  test.each([400, 403, 404, 405, 410])("with %i is no absence, and is named", async (status) => {
    const failure = (await listTags(withPage((_, response) => send(response, status)))).tags;
    expect(failure).toMatchObject({ status, message: expect.stringContaining("page 2") });
    expect(failure.code).not.toBe("REGISTRY_NOT_FOUND");
  });

  test("with what is no page is named", async () => {
    const { tags } = await listTags(withPage((_, response) => send(response, 200, {}, "[]")));
    expect(tags).toMatchObject({ message: expect.stringContaining("page 2") });
  });

  test("behind the last tag of a full page is no absence either", async () => {
    const { tags } = await listTags((request, response) => {
      if (queryOf(request).has("last")) send(response, 404);
      else send(response, 200, {}, JSON.stringify({ tags: tagsUpTo(1000) }));
    });
    expect(tags).toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringMatching(/page 2.*last=t1000/),
    });
  });

  test.each([400, 404, 405])("of referrers with %i does not mean no API", async (status) => {
    const failure = await listReferrers(withPage((_, response) => send(response, status)));
    expect(failure).toMatchObject({ status, message: expect.stringContaining("page 2") });
    expect(failure.code).not.toBe("REGISTRY_NOT_FOUND");
  });

  test("of referrers with another document does not mean no API", async () => {
    const failure = await listReferrers(withPage((_, response) => send(response, 200, {}, "{}")));
    expect(failure).toMatchObject({ message: expect.stringContaining("page 2") });
  });
});

describe("an answer that is no list", () => {
  test.each(["{}", "[]", "7", "null", '{"tags":"v1"}', '{"tags":{"v1":1}}', '{"status":"ok"}'])(
    "of tags is an error, not an empty list: %s",
    async (body) => {
      const { tags } = await listTags((_, response) => send(response, 200, {}, body));
      expect(tags).toMatchObject({ message: expect.stringContaining("no list of tags") });
    },
  );

  test.each(['{"tags":null}', '{"name":"acme/web","tags":[]}', '{"name":"acme/web"}'])(
    "is told from an empty one: %s",
    async (body) => {
      const { tags } = await listTags((_, response) => send(response, 200, {}, body));
      expect(tags).toEqual([]);
    },
  );

  test("tells which names of it are no tags", async () => {
    // The last one is what Artifactory lists while something is uploaded
    const body = JSON.stringify({ tags: ["v1", "../x", 7, "_uploads"] });
    const { tags, events } = await listTags((_, response) => send(response, 200, {}, body));
    expect(tags).toEqual(["v1"]);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "warning",
        code: "NAMES_INVALID",
        message: expect.stringContaining("3 names"),
      }),
    );
  });

  test("of referrers behind the fallback tag is an error, not an empty list", async () => {
    const failure = await listReferrers(({ url }, response) => {
      if (url.includes("/referrers/")) send(response, 404);
      else {
        const mediaType = MEDIA_TYPE.imageIndex;
        const document = { schemaVersion: 2, mediaType, manifests: {} };
        send(response, 200, { "content-type": mediaType }, JSON.stringify(document));
      }
    });
    expect(failure).toMatchObject({ code: "CONTENT_INVALID" });
  });
});

test("the catalog of a registry goes on behind a full page as tags do", async () => {
  const wanted = tagsUpTo(1102);
  await using server = await startServer((request, response) => {
    const after = queryOf(request).get("last") ?? "";
    const repositories = wanted.filter((name) => name > after).slice(0, 1000);
    send(response, 200, {}, JSON.stringify({ repositories }));
  });
  await using client = openRegistryClient({ clock: createFakeClock() });
  expect(await collect(client.registry(server.host).listRepositories())).toEqual(wanted);
});

test("a list without end is refused when it has become too long", async () => {
  const name = "x".repeat(100);
  let count = 0;
  const { tags } = await listTags((_, response) => {
    count += 1;
    const page = Array.from({ length: 20_000 }, (_, index) => `${name}-${count}-${index}`);
    const link = `</v2/acme/web/tags/list?page=${count}>; rel="next"`;
    send(response, 200, { link }, JSON.stringify({ tags: page }));
  });
  expect(tags).toMatchObject({ message: expect.stringContaining("longer than") });
  expect(count).toBeLessThan(100);
});

test("a 404 of a server that the registry sent us to is no absence", async () => {
  await using storage = await startServer((_, response) => send(response, 404));
  const { tags } = await listTags((_, response) => {
    send(response, 307, { location: `http://${storage.host}/list` });
  });
  expect(tags).toMatchObject({ status: 404, code: "REGISTRY_REFUSED" });
});

test("a 404 of a token server is no absence", async () => {
  const { tags } = await listTags(({ url, headers }, response) => {
    if (url.startsWith("/token")) return send(response, 404);
    send(response, 401, { "www-authenticate": `Bearer realm="http://${headers.host}/token"` });
  });
  expect(tags).toMatchObject({ status: 404, code: "REGISTRY_REFUSED" });
});

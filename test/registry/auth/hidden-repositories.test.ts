import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/registry/auth/credentials.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { createFakeClock } from "../../support/clock.ts";
import { MARKER } from "../../support/secrets.ts";
import { blobOf, collect, manifestOf } from "../support/content.ts";
import { type Answer, type SeenRequest, send, startServer } from "../support/server.ts";

const PASSWORD: Credential = {
  kind: "password",
  username: "robot",
  password: MARKER,
  origin: "a file",
};
const BASIC = `Basic ${Buffer.from(`robot:${MARKER}`).toString("base64")}`;
const image = manifestOf(Buffer.from("{}"), Buffer.from("layer"));
const blob = blobOf(Buffer.from("content"));

/** Shows what it has to those with a login only; the others get `hidden`, and are asked who they are at `/v2/`. */
function hiding(hidden: number, scheme: "basic" | "bearer"): Answer {
  const expected = scheme === "basic" ? BASIC : "Bearer a-token";
  return (request, response) => {
    const { url, method, headers } = request;
    if (url.startsWith("/token")) return send(response, 200, {}, '{"token":"a-token"}');
    if (headers.authorization !== expected) {
      const realm = `${scheme === "basic" ? "Basic" : "Bearer"} realm="http://${headers.host}/token"`;
      if (url === "/v2/") return send(response, 401, { "www-authenticate": realm });
      return send(response, hidden);
    }
    return answerMember(method, url, response);
  };
}

/** What those see who may. */
function answerMember(method: string, url: string, response: Parameters<Answer>[1]): void {
  if (method === "POST") send(response, 202, { location: "/v2/acme/web/blobs/uploads/1" });
  else if (method === "PUT") send(response, 201);
  else if (/\/blobs\//.test(url)) send(response, 404);
  else if (/\/tags\//.test(url)) send(response, 200, {}, '{"tags":["v1"]}');
  else send(response, 200, { "content-type": image.descriptor.mediaType }, image.bytes);
}

async function withClient<T>(
  answer: Answer,
  use: (repository: ReturnType<ReturnType<typeof openRegistryClient>["repository"]>) => Promise<T>,
  credential: Credential | undefined = PASSWORD,
): Promise<{ readonly result: T; readonly seen: readonly SeenRequest[] }> {
  await using server = await startServer(answer);
  await using client = openRegistryClient({
    credentials: async () => credential,
    clock: createFakeClock(),
    env: {},
  });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  return { result: await use(repository), seen: server.seen };
}

const count = (seen: readonly SeenRequest[], url: string) =>
  seen.filter((request) => request.url === url).length;

describe("a login is used where others are told that there is nothing", () => {
  for (const scheme of ["basic", "bearer"] as const) {
    test.each([404, 403, 401])(`by ${scheme}, with %i`, async (hidden) => {
      const { result, seen } = await withClient(hiding(hidden, scheme), async (repository) => [
        await collect(repository.listTags()),
        await repository.fetchManifest("v1"),
        await repository.push(blob.expected, blob.open),
      ]);
      expect(result).toMatchObject([["v1"], image, { outcome: "uploaded" }]);
      // asked once, whatever is asked for afterwards
      expect(count(seen, "/v2/")).toBe(1);
    });
  }

  test("by requests that start together, with one question", async () => {
    const { result, seen } = await withClient(hiding(404, "bearer"), (repository) =>
      Promise.all(["v1", "v2", "v3", "v4"].map((tag) => repository.fetchManifest(tag))),
    );
    expect(result).toHaveLength(4);
    expect(count(seen, "/v2/")).toBe(1);
  });

  test("and what is not there with it either is not there", async () => {
    const { result } = await withClient(hiding(404, "basic"), (repository) =>
      repository.exists(blob.expected),
    );
    expect(result).toBe(false);
  });
});

test("without a login nothing more is asked", async () => {
  await using server = await startServer(hiding(404, "bearer"));
  await using client = openRegistryClient({ clock: createFakeClock(), env: {} });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  await expect(repository.fetchManifest("v1")).rejects.toMatchObject({ status: 404 });
  expect(server.seen).toHaveLength(1);
});

test("a registry that lets everybody in is asked once in a run, and its 404 is believed", async () => {
  const open: Answer = ({ url }, response) => send(response, url === "/v2/" ? 200 : 404);
  const { seen } = await withClient(open, async (repository) => {
    for (const tag of ["v1", "v2", "v3"]) {
      await expect(repository.fetchManifest(tag)).rejects.toMatchObject({
        code: "REGISTRY_NOT_FOUND",
      });
    }
  });
  expect(count(seen, "/v2/")).toBe(1);
  expect(seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test("the login is not given to another server that `/v2/` leads to", async () => {
  await using thief = await startServer((_, response) => {
    send(response, 401, { "www-authenticate": 'Basic realm="come on"' });
  });
  const { seen } = await withClient(
    ({ url }, response) => {
      if (url === "/v2/") send(response, 307, { location: `http://${thief.host}/v2/` });
      else send(response, 404);
    },
    (repository) => repository.fetchManifest("v1").catch((error) => error),
  );
  expect([...seen, ...thief.seen].some(({ headers }) => headers.authorization)).toBe(false);
});

test("a 404 is not believed while the question for the challenge fails", async () => {
  let failures = 2;
  const hidden = hiding(404, "basic");
  const { result } = await withClient(
    (request, response) => {
      if (request.url === "/v2/" && failures-- > 0) send(response, 503);
      else hidden(request, response);
    },
    (repository) => repository.fetchManifest("v1"),
  );
  expect(result).toEqual(image);
});

describe("a token that was kept and has ended", () => {
  /** Tokens are good for two requests each; afterwards `answer` says so. */
  const ending = (answer: (response: Parameters<Answer>[1]) => void): Answer => {
    let issued = 0;
    let left = 0;
    return ({ url, method, headers }, response) => {
      if (url.startsWith("/token")) {
        issued += 1;
        left = 2;
        return send(response, 200, {}, JSON.stringify({ token: `t${issued}`, expires_in: 3600 }));
      }
      if (headers.authorization === undefined) {
        const realm = `Bearer realm="http://${headers.host}/token"`;
        return send(response, 401, { "www-authenticate": realm });
      }
      if (headers.authorization !== `t${issued}` && left-- <= 0) return answer(response);
      if (method === "PUT") return send(response, 201);
      const type = { "content-type": image.descriptor.mediaType };
      return send(response, 200, type, image.bytes);
    };
  };

  test.each([400, 403])("is replaced after a %i", async (status) => {
    const { result, seen } = await withClient(
      ending((response) => send(response, status, {}, "your authorization token has expired")),
      async (repository) => {
        for (let round = 0; round < 5; round += 1) await repository.fetchManifest("v1");
        return await repository.pushManifest(image, "v1");
      },
    );
    expect(result).toBe(image.descriptor.digest);
    expect(seen.filter(({ url }) => url.startsWith("/token")).length).toBeGreaterThan(2);
  });

  test.each([
    [400, "DIGEST_INVALID"],
    [400, "MANIFEST_INVALID"],
    [403, "TOOMANYREQUESTS"],
  ])("is not to blame for a %i that says %s", async (status, code) => {
    let puts = 0;
    const { result } = await withClient(
      ({ url, method, headers }, response) => {
        if (url.startsWith("/token")) return send(response, 200, {}, '{"token":"t"}');
        if (headers.authorization === undefined) {
          const realm = `Bearer realm="http://${headers.host}/token"`;
          return send(response, 401, { "www-authenticate": realm });
        }
        if (method === "GET") {
          const type = { "content-type": image.descriptor.mediaType };
          return send(response, 200, type, image.bytes);
        }
        puts += 1;
        const errors = [{ code, message: "no" }];
        return send(response, puts > 1 ? 201 : status, {}, JSON.stringify({ errors }));
      },
      async (repository) => {
        await repository.pushManifest(image, "v0").catch(() => undefined);
        puts = 0;
        return await repository.pushManifest(image, "v1").catch((error) => error);
      },
    );
    if (code !== "TOOMANYREQUESTS") expect(result).toMatchObject({ status });
  });

  test("and whose successor is refused as well is asked for once", async () => {
    let tokens = 0;
    const { seen } = await withClient(
      ({ url, headers }, response) => {
        if (url.startsWith("/token")) {
          tokens += 1;
          return send(response, 200, {}, JSON.stringify({ token: `t${tokens}` }));
        }
        if (headers.authorization === undefined) {
          const realm = `Bearer realm="http://${headers.host}/token"`;
          return send(response, 401, { "www-authenticate": realm });
        }
        if (url.endsWith("/v1")) {
          const type = { "content-type": image.descriptor.mediaType };
          return send(response, 200, type, image.bytes);
        }
        return send(response, 403);
      },
      async (repository) => {
        await repository.fetchManifest("v1");
        for (const tag of ["a", "b", "c"]) {
          await expect(repository.fetchManifest(tag)).rejects.toMatchObject({ status: 403 });
        }
      },
    );
    expect(tokens).toBe(2);
    expect(seen.filter(({ url }) => url.endsWith("/manifests/a"))).toHaveLength(2);
    expect(seen.filter(({ url }) => url.endsWith("/manifests/c"))).toHaveLength(1);
  });
});

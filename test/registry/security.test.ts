import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { Credential } from "../../src/registry/auth/credentials.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { createFakeClock } from "../support/clock.ts";
import { MARKER } from "../support/secrets.ts";
import { blobOf, collect, manifestOf } from "./support/content.ts";
import { type Answer, send, startServer } from "./support/server.ts";
import { startSession } from "./support/session.ts";

const PASSWORD: Credential = {
  kind: "password",
  username: "robot",
  password: MARKER,
  origin: "--source-login",
};
const BASIC = { scheme: "basic", username: "robot", password: MARKER } as const;
const blob = blobOf(Buffer.from("content of a blob"));
const image = manifestOf(Buffer.from("{}"), Buffer.from("layer"));

function openClient() {
  return openRegistryClient({ credentials: async () => PASSWORD, clock: createFakeClock() });
}

async function withServer<T>(
  answer: Answer,
  use: (repository: ReturnType<ReturnType<typeof openClient>["repository"]>) => Promise<T>,
): Promise<T> {
  await using server = await startServer(answer);
  await using client = openClient();
  return await use(client.repository({ registry: server.host, repository: "acme/web" }));
}

function isSecretIn(value: unknown): boolean {
  const text = JSON.stringify(value);
  return text.includes(MARKER) || text.includes(Buffer.from(`robot:${MARKER}`).toString("base64"));
}

describe("credentials", () => {
  test.each([301, 302, 303, 307, 308] as const)(
    "do not follow a %i to another origin",
    async (status) => {
      await using session = await startSession(
        { auth: BASIC, redirect: { status } },
        { credentials: async () => PASSWORD },
      );
      session.seed(blob);
      expect(await buffer(await session.repository.fetch(blob.expected))).toEqual(blob.bytes);
      const { log } = session.registry.other;
      expect(log.entries).toHaveLength(1);
      expect(isSecretIn(log.entries.map(({ headers }) => headers))).toBe(false);
      expect(log.entries[0]?.headers.authorization).toBeUndefined();
    },
  );

  test("are not given to a foreign origin that asks for them", async () => {
    await using thief = await startServer((_, response) => {
      send(response, 401, { "www-authenticate": 'Basic realm="come on"' });
    });
    await using registry = await startServer(({ url, headers }, response) => {
      if (headers.authorization === undefined) {
        send(response, 401, { "www-authenticate": 'Basic realm="registry"' });
      } else {
        send(response, 307, { location: `http://${thief.host}${url}` });
      }
    });
    await using client = openClient();
    const repository = client.repository({ registry: registry.host, repository: "a" });
    await expect(repository.fetch(blob.expected)).rejects.toMatchObject({ status: 401 });
    expect(thief.seen).toHaveLength(1);
    expect(isSecretIn(thief.seen)).toBe(false);
  });

  test("do not go to a Location on another origin", async () => {
    await using session = await startSession(
      { auth: BASIC, location: "other-origin" },
      { credentials: async () => PASSWORD, partSizeBytes: 4 },
    );
    await session.repository.push(blob.expected, blob.open);
    const { log } = session.registry.other;
    expect(log.entries.length).toBeGreaterThan(1);
    expect(isSecretIn(log.entries)).toBe(false);
  });

  test("are not made of the user info of a redirect", async () => {
    await using other = await startServer((_, response) => send(response, 200, {}, blob.bytes));
    const location = `http://evil:${MARKER}@${other.host}/x`;
    await withServer(
      (_, response) => send(response, 307, { location }),
      async (repository) => {
        expect(await buffer(await repository.fetch(blob.expected))).toEqual(blob.bytes);
      },
    );
    expect(other.seen[0]?.headers.authorization).toBeUndefined();
  });

  test("go only to the host that they are for", async () => {
    await using session = await startSession(
      { auth: BASIC },
      { credentials: async (registry) => (registry === "another.host" ? PASSWORD : undefined) },
    );
    await expect(session.repository.fetchManifest("v1")).rejects.toMatchObject({ status: 401 });
    expect(isSecretIn(session.registry.log.entries)).toBe(false);
  });

  test("of a token request do not follow its redirect", async () => {
    await using thief = await startServer((_, response) =>
      send(response, 200, {}, '{"token":"t"}'),
    );
    const answer: Answer = ({ url, headers, method }, response) => {
      if (url.startsWith("/token")) {
        send(response, 307, { location: `http://${thief.host}/token` });
      } else {
        const realm = `http://${headers.host}/token`;
        send(response, 401, { "www-authenticate": `Bearer realm="${realm}"`, "x-method": method });
      }
    };
    await withServer(answer, async (repository) => {
      await repository.exists(blob.expected).catch(() => undefined);
    });
    await using server = await startServer(answer);
    const identity: Credential = {
      kind: "identity-token",
      identityToken: MARKER,
      origin: "a file",
    };
    await using client = openRegistryClient({ credentials: async () => identity });
    const repository = client.repository({ registry: server.host, repository: "a" });
    await expect(repository.exists(blob.expected)).rejects.toMatchObject({ status: 307 });
    expect(isSecretIn(thief.seen)).toBe(false);
  });

  test.each([
    "file:///etc/passwd",
    "ftp://127.0.0.1/token",
    "http://[",
    "http://user:pass@127.0.0.1/token",
  ])("do not go to the realm %s", async (realm) => {
    await withServer(
      (_, response) => send(response, 401, { "www-authenticate": `Bearer realm="${realm}"` }),
      async (repository) => {
        await expect(repository.fetchManifest("v1")).rejects.toMatchObject({
          code: "REGISTRY_DENIED",
          message: expect.stringContaining("realm"),
        });
      },
    );
  });

  test("are never sent back as cookies of a session", async () => {
    await using session = await startSession({ cookie: "poison" });
    session.seed(blob);
    await session.repository.push(blob.expected, blob.open);
    expect(await session.repository.exists(blob.expected)).toBe(true);
  });
});

describe("answers", () => {
  test("with a token that would end the header are refused", async () => {
    const answer: Answer = ({ url, headers }, response) => {
      if (url.startsWith("/token")) {
        send(response, 200, {}, JSON.stringify({ token: "a\r\nx-evil: 1" }));
      } else {
        const realm = `Bearer realm="http://${headers.host}/token"`;
        send(response, 401, { "www-authenticate": realm });
      }
    };
    await withServer(answer, async (repository) => {
      await expect(repository.fetchManifest("v1")).rejects.toMatchObject({
        message: expect.stringContaining("no token"),
      });
    });
  });

  test("of a token server are read up to a limit", async () => {
    const answer: Answer = ({ url, headers }, response) => {
      if (url.startsWith("/token")) {
        send(response, 200, {}, JSON.stringify({ token: "a".repeat(2 * 1024 * 1024) }));
      } else {
        const realm = `Bearer realm="http://${headers.host}/token"`;
        send(response, 401, { "www-authenticate": realm });
      }
    };
    await withServer(answer, async (repository) => {
      await expect(repository.fetchManifest("v1")).rejects.toMatchObject({
        message: expect.stringContaining("too long"),
      });
    });
  });

  test("with a manifest beyond the limit are refused, whatever length they announce", async () => {
    const huge = Buffer.alloc(5 * 1024 * 1024, 0x20);
    await withServer(
      (_, response) => {
        response.writeHead(200, { "content-type": MEDIA_TYPE.imageManifest });
        response.end(huge);
      },
      async (repository) => {
        await expect(repository.fetchManifest("v1")).rejects.toMatchObject({
          message: expect.stringContaining("larger than"),
        });
      },
    );
  });

  test("with a manifest of another digest are refused", async () => {
    const headers = { "content-type": MEDIA_TYPE.imageManifest };
    await withServer(
      (_, response) => send(response, 200, headers, image.bytes),
      async (repository) => {
        const other = `sha256:${"0".repeat(64)}`;
        await expect(repository.fetchManifest(other)).rejects.toMatchObject({
          code: "CONTENT_MISMATCH",
        });
        expect(await repository.fetchManifest(image.descriptor.digest)).toEqual(image);
      },
    );
  });

  test("that contradict their own digest header are refused", async () => {
    await using session = await startSession({ contentDigest: "wrong" });
    const { manifests, tags } = session.registry.content.repository("acme/web");
    const { digest, mediaType } = image.descriptor;
    manifests.set(digest, { mediaType, bytes: image.bytes });
    tags.set("v1", digest);
    for (const reference of ["v1", digest]) {
      await expect(session.repository.fetchManifest(reference)).rejects.toMatchObject({
        code: "CONTENT_MISMATCH",
      });
    }
  });

  test("with more bytes than the descriptor says end with an error, not with the bytes", async () => {
    await withServer(
      (_, response) => {
        response.writeHead(200, {});
        response.write(blob.bytes);
        response.end("and more");
      },
      async (repository) => {
        const body = await repository.fetch(blob.expected);
        await expect(buffer(body)).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
      },
    );
  });

  test("that are compressed against our wish are refused", async () => {
    await withServer(
      (_, response) => send(response, 200, { "content-encoding": "gzip" }, blob.bytes),
      async (repository) => {
        await expect(repository.fetch(blob.expected)).rejects.toMatchObject({
          message: expect.stringContaining('encodes content as "gzip"'),
        });
      },
    );
  });

  // Stores of S3's kind keep the word, and not the frames
  test.each(["aws-chunked", "identity, aws-chunked", ""])(
    "that are only said to be framed are taken: %j",
    async (encoding) => {
      await withServer(
        (_, response) => send(response, 200, { "content-encoding": encoding }, blob.bytes),
        async (repository) => {
          expect(await buffer(await repository.fetch(blob.expected))).toEqual(blob.bytes);
        },
      );
    },
  );

  test("with control characters are shown without them", async () => {
    const errors = [{ code: "DENIED\u001b[2J", message: "\u001b]0;owned\u0007 no\nway\u009b31m" }];
    const warning = '299 - "\u009b31mred"';
    const events: unknown[] = [];
    await using server = await startServer((_, response) => {
      send(response, 403, { warning }, JSON.stringify({ errors }));
    });
    await using client = openRegistryClient({
      onEvent: (event) => event.type !== "request" && events.push(event),
    });
    const repository = client.repository({ registry: server.host, repository: "a" });
    const failure = await repository.fetchManifest("v1").catch((error) => error);
    expect(failure.serverErrors[0].message).toBe(" ]0;owned  no way 31m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
    const control = /[\u0000-\u001f\u007f-\u009f]/;
    expect(failure.message).not.toMatch(control);
    expect((events[0] as { message: string }).message).not.toMatch(control);
  });

  test("of megabytes of error text are cut", async () => {
    const errors = [{ code: "DENIED", message: "x".repeat(1_000_000) }];
    await withServer(
      (_, response) => send(response, 403, {}, JSON.stringify({ errors })),
      async (repository) => {
        const failure = await repository.fetchManifest("v1").catch((error) => error);
        expect(failure.message.length).toBeLessThan(1000);
      },
    );
  });

  test("without end in redirects are refused after ten", async () => {
    let count = 0;
    await withServer(
      (_, response) => {
        count += 1;
        send(response, 307, { location: `/v2/again/${count}` });
      },
      async (repository) => {
        await expect(repository.fetch(blob.expected)).rejects.toMatchObject({
          message: expect.stringContaining("more than 10 redirects"),
        });
      },
    );
    expect(count).toBe(11);
  });

  test.each(["file:///etc/passwd", "javascript:alert(1)", "http://["])(
    "that redirect to %s are refused",
    async (location) => {
      await withServer(
        (_, response) => send(response, 307, { location }),
        async (repository) => {
          await expect(repository.fetch(blob.expected)).rejects.toMatchObject({
            message: expect.stringContaining("not a web address"),
          });
        },
      );
    },
  );
});

describe("names", () => {
  test.each(["v1/../../other", "a b", "v1?x=1", "v1\r\nHost: evil", "", "sha256:short"])(
    "that are no tag or digest are not put into a request: %j",
    async (reference) => {
      await using session = await startSession();
      await expect(session.repository.fetchManifest(reference)).rejects.toMatchObject({
        code: "REFERENCE_INVALID",
      });
      await expect(session.repository.pushManifest(image, reference)).rejects.toMatchObject({
        code: "REFERENCE_INVALID",
      });
      expect(session.registry.log.entries).toEqual([]);
    },
  );

  test.each(["sha256:../../../etc/passwd", "../x", `sha256:${"A".repeat(64)}`, "md5:00"])(
    "of digests are checked before they become a path: %s",
    async (digest) => {
      await using session = await startSession();
      const target = { ...blob.expected, digest };
      for (const attempt of [
        session.repository.fetch(target),
        session.repository.exists(target),
        session.repository.push(target, blob.open),
        session.repository.mount(target, { from: "other" }),
      ]) {
        await expect(attempt).rejects.toMatchObject({ code: "REFERENCE_INVALID" });
      }
      expect(session.registry.log.entries).toEqual([]);
    },
  );

  test("of tags in a list that are no tags are dropped", async () => {
    const tags = ["v1", "../x", "\u001b[2J", "v2", 7];
    await withServer(
      (_, response) => send(response, 200, {}, JSON.stringify({ tags })),
      async (repository) => {
        expect(await collect(repository.listTags())).toEqual(["v1", "v2"]);
      },
    );
  });
});

describe("pages", () => {
  const seedTags = (session: Awaited<ReturnType<typeof startSession>>) => {
    const { manifests, tags } = session.registry.content.repository("acme/web");
    const { digest, mediaType } = image.descriptor;
    manifests.set(digest, { mediaType, bytes: image.bytes });
    for (const name of ["a", "b", "c", "d", "e"]) tags.set(name, digest);
  };

  test.each(["relative", "absolute"] as const)("are followed by a %s Link", async (link) => {
    await using session = await startSession({ tagPages: { size: 2, link } });
    seedTags(session);
    const tags = await collect(session.repository.listTags());
    expect(tags).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("are not followed to another host", async () => {
    await using session = await startSession({ tagPages: { size: 2, link: "foreign" } });
    seedTags(session);
    await expect(collect(session.repository.listTags())).rejects.toMatchObject({
      message: expect.stringContaining("another host"),
    });
    expect(session.registry.other.log.entries).toEqual([]);
  });

  test("that lead back to themselves are refused", async () => {
    await using session = await startSession({ tagPages: { size: 2, link: "looping" } });
    seedTags(session);
    await expect(collect(session.repository.listTags())).rejects.toMatchObject({
      message: expect.stringContaining("do not come to an end"),
    });
    expect(session.registry.log.entries.length).toBeLessThan(4);
  });

  test("of more than eight megabytes are refused", async () => {
    await withServer(
      (_, response) => send(response, 200, {}, Buffer.alloc(9 * 1024 * 1024, 0x20)),
      async (repository) => {
        await expect(collect(repository.listTags())).rejects.toMatchObject({
          message: expect.stringContaining("larger than"),
        });
      },
    );
  });
});

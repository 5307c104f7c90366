import { expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { image, randomLayer } from "../support/artifacts.ts";
import { startMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import type { RunningProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { createRandom, seedsFrom } from "./support/random.ts";

const KILLS = seedsFrom(1, 12).length;
const CLIENTS = 6;
const SHARED = randomLayer(400_000, 81);

/** What the server has said that it has: path below the namespace → digest. */
type Acknowledged = Map<string, string>;

const directory = allTests(openTempDirectory);

test(`a server that is killed ${KILLS} times while clients push loses nothing that it has taken, and gives no wrong byte`, async () => {
  const random = createRandom(11);
  const all: Acknowledged = new Map();
  let acknowledged: Acknowledged = new Map();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const server = await startServer();
    const base = await baseOf(server);
    await expectAll(base, acknowledged);
    for (const [path, digest] of acknowledged) all.set(path, digest);
    acknowledged = new Map();
    let left = Math.floor(random() * CLIENTS * 12);
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let round = 0; round < 3; round += 1) {
        const name = `client-${client}/v${kill}-${round}`;
        await pushImage(base, name, acknowledged, () => {
          left -= 1;
          if (left === 0) server.kill("SIGKILL");
        });
      }
    });
    await Promise.allSettled(clients);
    server.kill("SIGKILL");
    await server.finished;
  }
  const server = await startServer();
  await expectAll(await baseOf(server), new Map([...all, ...acknowledged]));
  await expectWholeTags(await baseOf(server));
  server.kill("SIGTERM");
  await server.finished;
  expect(all.size).toBeGreaterThan(KILLS);
});

function startServer(): Promise<RunningProcess> {
  return startMirror([
    ...["serve", "--listen", "127.0.0.1:0", "--writable", "local", "--catalog"],
    ...["--cache", directory.resolve("cache"), "--cache-size", "1KiB", "--cache-ttl", "1s"],
  ]);
}

async function baseOf(server: RunningProcess): Promise<string> {
  const [, port] = await server.waitFor(/"port":(\d+)/);
  return `http://127.0.0.1:${port}/v2`;
}

/** Pushes one image of its own, with a layer that all have, as two tags of a repository of its own. */
async function pushImage(
  base: string,
  repository: string,
  acknowledged: Acknowledged,
  onAnswer: () => void,
): Promise<void> {
  const built = image({ name: repository, layers: [SHARED], files: { name: repository } });
  const note = (path: string, digest: string) => {
    acknowledged.set(path, digest);
    onAnswer();
  };
  for (const { content, descriptor } of built.blobs) {
    const { digest, size } = descriptor;
    const start = await send(`${base}/local/${repository}/blobs/uploads/`, "POST");
    const url = new URL(start.headers.get("location") ?? "", base);
    url.searchParams.set("digest", digest);
    onAnswer();
    const body = Buffer.concat(await content.open(0, size).toArray());
    await send(url, "PUT", body);
    note(`${repository}/blobs/${digest}`, digest);
  }
  const { bytes, descriptor } = built.manifest;
  for (const tag of ["1", "newest"]) {
    const url = `${base}/local/${repository}/manifests/${tag}`;
    await send(url, "PUT", bytes, descriptor.mediaType);
    note(`${repository}/manifests/${tag}`, descriptor.digest);
  }
}

async function send(
  url: string | URL,
  method: string,
  body?: Buffer,
  mediaType = "application/octet-stream",
): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: { "content-type": mediaType },
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status}`);
  return response;
}

async function expectAll(base: string, acknowledged: Acknowledged): Promise<void> {
  for (const [path, digest] of acknowledged) {
    const response = await fetch(`${base}/local/${path}`);
    expect(digestOf(Buffer.from(await response.arrayBuffer())), path).toBe(digest);
  }
}

/** Whatever has a tag is there with all that it needs, acknowledged or not. */
async function expectWholeTags(base: string): Promise<void> {
  const read = async (path: string) => (await fetch(`${base}/${path}`)).json();
  const { repositories } = (await read("_catalog?ns=local")) as { repositories: string[] };
  for (const repository of repositories) {
    const { tags } = (await read(`local/${repository}/tags/list`)) as { tags: string[] };
    for (const tag of tags) {
      const { config, layers } = (await read(`local/${repository}/manifests/${tag}`)) as {
        config: { digest: string };
        layers: { digest: string }[];
      };
      const needed = [config, ...layers].map(
        ({ digest }) => [`${repository}/blobs/${digest}`, digest] as const,
      );
      await expectAll(base, new Map(needed));
    }
  }
}

import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { beforeAll, expect } from "vitest";
import { fillReadBuffer, READ_BUFFER_BYTES, takeReadBuffer } from "../../../src/io/read-buffers.ts";
import { openBlobTransport } from "../../../src/registry/wire/open-transport.ts";
import { allTests } from "../../support/fixture.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { requireTool } from "../../support/tool.ts";
import { type Authority, createAuthority } from "../support/authority.ts";

const { test } = requireTool("openssl");

const UPLOADS = 8;
const BUFFERS = 16;
const SLOW_READ_BYTES = 8 * 1024;

let authority: Authority;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  authority = await createAuthority(directory.path);
});

/** Answers with the sha256 of what it received, a few bytes at a time. */
async function hashSlowly(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let isEnded = false;
  incoming.once("end", () => {
    isEnded = true;
  });
  while (!isEnded) {
    hash.update(incoming.read(SLOW_READ_BYTES) ?? incoming.read() ?? Buffer.alloc(0));
    await setImmediate();
  }
  response.end(hash.digest("hex"));
}

/** Content in recycled memory: whoever gives a buffer back too early sees the bytes of another upload. */
function contentOf(upload: number): Readable {
  let index = 0;
  return new Readable({
    highWaterMark: READ_BUFFER_BYTES,
    read() {
      if (index === BUFFERS) return void this.push(null);
      const memory = takeReadBuffer().fill(upload * BUFFERS + index++);
      this.push(fillReadBuffer(memory, memory.length));
    },
  });
}

function expectedOf(upload: number): string {
  const hash = createHash("sha256");
  for (let index = 0; index < BUFFERS; index++) {
    hash.update(Buffer.alloc(READ_BUFFER_BYTES, upload * BUFFERS + index));
  }
  return hash.digest("hex");
}

test.each(["http", "https"])(
  "bytes on their way over %s keep their memory until they have left",
  async (scheme) => {
    const listener: RequestListener = (incoming, response) => void hashSlowly(incoming, response);
    const { key, cert } = await authority.issue("registry");
    const server =
      scheme === "http" ? createServer(listener) : createTlsServer({ key, cert }, listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await using transport = openBlobTransport({
      connections: UPLOADS,
      userAgent: "test",
      stallTimeoutMs: 60_000,
      env: {},
      certsDirectories: [],
      caFiles: [authority.certificatePath],
    });
    const uploads = Array.from({ length: UPLOADS }, async (_, upload) => {
      const { body } = await transport.send({
        method: "PUT",
        url: new URL(`${scheme}://127.0.0.1:${port}/`),
        headers: {},
        body: { size: BUFFERS * READ_BUFFER_BYTES, open: () => contentOf(upload) },
      });
      return (await body.toArray()).join("");
    });
    expect(await Promise.all(uploads)).toEqual(uploads.map((_, upload) => expectedOf(upload)));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
);

import { once } from "node:events";
import { get, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ClientPace } from "../../src/server/client-pace.ts";
import { createRegistryHandler } from "../../src/server/handler.ts";
import { type AnsweredRequest, type HttpListener, listenHttp } from "../../src/server/listen.ts";
import { createMemoryBackend } from "../../src/server/memory-backend.ts";
import { RegistryContent } from "../../src/server/memory-content.ts";
import type { RegistryHandler } from "../../src/server/message.ts";
import { createFakeClock, type FakeClock } from "../support/clock.ts";

const MIB = 1024 * 1024;
const WINDOW_MS = 120_000;

let clock: FakeClock;
let pace: ClientPace;
let closers: AsyncDisposable[];
let answer: RegistryHandler;
let answered: AnsweredRequest[];

beforeEach(() => {
  clock = createFakeClock();
  pace = new ClientPace(clock);
  closers = [];
  answered = [];
});

afterEach(async () => {
  for (const closer of closers) await closer[Symbol.asyncDispose]();
});

async function listen(headersTimeoutMs?: number): Promise<HttpListener> {
  const listener = await listenHttp({
    address: "127.0.0.1",
    port: 0,
    pace,
    headersTimeoutMs,
    handler: (asked) => answer(asked),
    onAnswered: (one) => answered.push(one),
  });
  closers.push(listener);
  return listener;
}

/** More than all buffers on the way take. */
const endless = (onChunk = () => {}) =>
  Readable.from(
    (function* () {
      for (;;) {
        onChunk();
        yield Buffer.alloc(MIB);
      }
    })(),
  );

async function open(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  socket.write(text);
  return socket;
}

describe("a client that takes an answer", () => {
  test("too slowly is cut off", async () => {
    let given = 0;
    const count = () => {
      given += 1;
    };
    answer = async () => ({ status: 200, headers: {}, body: endless(count) });
    const { port } = await listen();
    const [response] = (await once(get({ port }), "response")) as [IncomingMessage];
    const closed = once(response, "error");
    let before = -1;
    const isStuck = () => {
      const found = before === given;
      before = given;
      return found;
    };
    await expect.poll(isStuck, { interval: 200 }).toBe(true);
    pace.check();
    clock.advance(WINDOW_MS - 1);
    pace.check();
    expect(response.readableAborted).toBe(false);
    clock.advance(1);
    pace.check();
    response.resume();
    await closed;
    await expect.poll(() => answered.map(({ isTooSlow }) => isTooSlow)).toEqual([true]);
  });

  test("fast enough is not, however long it takes", async () => {
    const { port } = await listen();
    let sent = 0;
    answer = async () => {
      const steps = async function* () {
        for (; sent < 5; sent += 1) {
          clock.advance(WINDOW_MS - 1);
          pace.check();
          yield Buffer.alloc(MIB);
        }
      };
      return { status: 200, headers: {}, body: Readable.from(steps()) };
    };
    const [response] = (await once(get({ port }), "response")) as [IncomingMessage];
    expect((await buffer(response)).length).toBe(5 * MIB);
  });

  test("that is slow to come is waited with, not cut off", async () => {
    const { port } = await listen();
    let give = () => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    answer = async () => {
      await given;
      return { status: 200, headers: {}, body: Buffer.from("late") };
    };
    const response = once(get({ port }), "response") as Promise<[IncomingMessage]>;
    await expect.poll(() => clock.now() > 0).toBe(true);
    for (let turn = 0; turn < 10; turn += 1) {
      clock.advance(WINDOW_MS);
      pace.check();
    }
    give();
    expect((await buffer((await response)[0])).toString()).toBe("late");
  });
});

describe("a client that sends", () => {
  test("a body byte by byte is cut off", async () => {
    answer = async ({ body }) => {
      const bytes = await buffer(body);
      return { status: 200, headers: {}, body: bytes };
    };
    const { port } = await listen();
    const socket = await open(port, "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
    const closed = once(socket, "close");
    for (let turn = 0; turn < 3; turn += 1) {
      socket.write("x");
      clock.advance(WINDOW_MS / 2);
      pace.check();
      await new Promise(setImmediate);
    }
    clock.advance(WINDOW_MS);
    pace.check();
    await closed;
  });

  test("headers that never end is cut off, and so is one that sends nothing at all", async () => {
    answer = async () => ({ status: 200, headers: {} });
    const { port } = await listen(40);
    const sockets = [await open(port, "GET / HTTP/1.1\r\nhost: a\r\n"), await open(port, "")];
    await Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
  });

  test("on after its answer is not listened to for ever", async () => {
    answer = async () => ({ status: 405, headers: { "content-length": "0" } });
    const { port } = await listen();
    const socket = await open(
      port,
      "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    await once(socket, "data");
    const closed = once(socket, "close");
    pace.check();
    clock.advance(10_000);
    pace.check();
    await closed;
  });

  test("a manifest without a length, and without an end, is refused at the limit", async () => {
    const backend = createMemoryBackend(new RegistryContent());
    answer = createRegistryHandler(backend, { writer: backend });
    const { port } = await listen();
    const sending = request({ port, method: "PUT", path: "/v2/a/manifests/1" });
    sending.on("error", () => {});
    const body = endless();
    body.pipe(sending);
    const [response] = (await once(sending, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    body.destroy();
    sending.destroy();
  });
});

test("connections that nobody uses do not keep others from being served", async () => {
  answer = async () => ({ status: 200, headers: {}, body: Buffer.from("ok") });
  const { port } = await listen();
  const idle = await Promise.all(Array.from({ length: 1000 }, () => open(port, "")));
  const [response] = (await once(get({ port }), "response")) as [IncomingMessage];
  expect((await buffer(response)).toString()).toBe("ok");
  for (const socket of idle) socket.destroy();
});

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Transport } from "../../../src/registry/transport/create-transport.ts";
import type { ExchangeRecord } from "../../../src/registry/transport/exchange-record.ts";
import type { HttpRequest } from "../../../src/registry/transport/http.ts";
import { openBlobTransport } from "../../../src/registry/wire/open-transport.ts";
import { WireBody } from "../../../src/registry/wire/wire-body.ts";

interface Visit {
  readonly socket: Socket;
  /** Of this server, from 1. */
  readonly connection: number;
  readonly text: string;
}

/** A server that answers each piece that comes; what it writes is not checked by anybody. */
async function startSpeaker(answer: (visit: Visit) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const connection = sockets.size;
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => answer({ socket, connection, text: bytes.toString("latin1") }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function openWire(stallTimeoutMs = 60_000): Transport {
  return openBlobTransport({ connections: 4, userAgent: "test", stallTimeoutMs, env: {} });
}

const OK = "HTTP/1.1 200 OK\r\n";

async function ask(transport: Transport, url: URL, more: Partial<HttpRequest> = {}) {
  let record: ExchangeRecord | undefined;
  const onEnd = (ended: ExchangeRecord) => {
    record = ended;
  };
  const response = await transport.send({ method: "GET", url, headers: {}, onEnd, ...more });
  const body = (await buffer(response.body)).toString();
  return { status: response.status, body, record };
}

describe("a connection", () => {
  test("carries one exchange after the other", async () => {
    await using server = await startSpeaker(({ socket, connection }) => {
      socket.write(`${OK}content-length: 1\r\n\r\n${connection}`);
    });
    await using transport = openWire();
    const first = await ask(transport, server.url);
    const second = await ask(transport, server.url);
    expect([first.body, second.body]).toEqual(["1", "1"]);
    expect(first.record?.connection).toBe(second.record?.connection);
  });

  test.each<[string, string]>([
    ["says that it closes it", `${OK}connection: close\r\ncontent-length: 2\r\n\r\nok`],
    ["is of an old version", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"],
    ["says more than was asked", `${OK}content-length: 2\r\n\r\nok${OK}`],
    ["keeps it for no time", `${OK}keep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok`],
  ])("is not used again where the server %s", async (_, answer) => {
    const seen: number[] = [];
    await using server = await startSpeaker(({ socket, connection }) => {
      seen.push(connection);
      socket.write(answer);
    });
    await using transport = openWire();
    for (let count = 0; count < 2; count++) {
      expect(await ask(transport, server.url)).toMatchObject({ status: 200, body: "ok" });
    }
    expect(seen).toEqual([1, 2]);
  });

  test("is not used again when the server has ended it meanwhile", async () => {
    let end: (() => void) | undefined;
    await using server = await startSpeaker(({ socket, connection }) => {
      socket.write(`${OK}content-length: 1\r\n\r\n${connection}`);
      end = () => socket.end();
    });
    await using transport = openWire();
    expect((await ask(transport, server.url)).body).toBe("1");
    const other = new Promise((resolve) => setImmediate(resolve));
    end?.();
    await other;
    // The end has come when another connection was answered
    await using witness = openWire();
    expect((await ask(witness, server.url)).body).toBe("2");
    expect((await ask(transport, server.url)).body).toBe("3");
  });

  test("that speaks without being asked is given up", async () => {
    await using server = await startSpeaker(({ socket, connection }) => {
      socket.write(`${OK}content-length: 1\r\n\r\n${connection}`, () => {
        if (connection === 1) setImmediate(() => socket.write(`${OK}content-length: 0\r\n\r\n`));
      });
    });
    await using transport = openWire();
    expect((await ask(transport, server.url)).body).toBe("1");
    for (let body = "1"; body === "1"; ) ({ body } = await ask(transport, server.url, {}));
  });
});

describe("a request with a body", () => {
  const piece = Buffer.alloc(256 * 1024, "x");

  /** A body without end; nobody may ask for all of it. */
  function endless(): HttpRequest["body"] {
    const size = 2 ** 40;
    return { size, open: () => Promise.reject(new Error("unused")), pieces: () => () => piece };
  }

  test("is broken off when it is answered before its end, and the answer counts", async () => {
    let asked = 0;
    await using server = await startSpeaker(({ socket }) => {
      asked += 1;
      if (asked === 1) socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!");
    });
    await using transport = openWire();
    const answer = await ask(transport, server.url, { method: "PUT", body: endless() });
    expect(answer).toMatchObject({ status: 413, body: "no!" });
  });

  test("fails with what keeps it from being read, and the server gets no more", async () => {
    await using server = await startSpeaker(() => undefined);
    await using transport = openWire();
    const pieces = () => () => {
      throw new Error("the medium is gone");
    };
    const body = { size: 10, open: () => Promise.reject(new Error("unused")), pieces };
    await expect(ask(transport, server.url, { method: "PUT", body })).rejects.toThrow(
      "the medium is gone",
    );
  });

  test("is given up when the server takes no more of it", async () => {
    await using server = await startSpeaker(({ socket }) => socket.pause());
    await using transport = openWire(500);
    const asking = ask(transport, server.url, { method: "PUT", body: endless() });
    await expect(asking).rejects.toMatchObject({ reason: "timeout" });
  });
});

describe("a body that comes as a stream", () => {
  test("is not sent in part: what is shorter than it says ends the connection", async () => {
    await using server = await startSpeaker(() => undefined);
    await using transport = openWire();
    const body = { size: 10, open: () => Readable.from([Buffer.from("short")]) };
    await expect(ask(transport, server.url, { method: "PUT", body })).rejects.toThrow(
      "the body has not the 10 bytes it should have",
    );
  });

  test("is destroyed when it is answered before its end", async () => {
    await using server = await startSpeaker(({ socket, text }) => {
      if (text.startsWith("PUT"))
        socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
    });
    await using transport = openWire();
    const source = new Readable({ read: () => undefined });
    source.push("the beginning");
    const body = { size: 2 ** 40, open: () => source };
    expect(await ask(transport, server.url, { method: "PUT", body })).toMatchObject({
      status: 413,
    });
    expect(source.destroyed).toBe(true);
  });

  test("may be slower than the server is patient with", async () => {
    await using server = await startSpeaker(({ socket, text }) => {
      if (text.endsWith("end")) socket.write(`${OK}content-length: 0\r\n\r\n`);
    });
    await using silent = await startSpeaker(() => undefined);
    await using transport = openWire(300);
    const source = new Readable({ read: () => undefined });
    source.push("the ");
    const body = { size: 7, open: () => source };
    const asking = ask(transport, server.url, { method: "PUT", body });
    // longer than the stall time-out, by two exchanges that are given up
    for (const url of [silent.url, silent.url]) {
      await expect(ask(transport, url)).rejects.toMatchObject({ reason: "timeout" });
    }
    source.push("end");
    source.push(null);
    expect(await asking).toMatchObject({ status: 200 });
  });
});

test("an answer that does not come is given up", async () => {
  await using server = await startSpeaker(({ socket }) => {
    const timer = setInterval(() => socket.write("HTTP/1.1 100 Continue\r\n\r\n"), 10);
    socket.once("close", () => clearInterval(timer));
  });
  await using transport = openWire(300);
  await expect(ask(transport, server.url)).rejects.toMatchObject({ reason: "timeout" });
});

test("a reader that takes its time is no reason to give an answer up", async () => {
  await using server = await startSpeaker(({ socket }) => {
    socket.write(`${OK}content-length: 4000000\r\n\r\n`);
    socket.write(Buffer.alloc(4_000_000));
  });
  await using transport = openWire(500);
  const { body } = await transport.send({ method: "GET", url: server.url, headers: {} });
  // Longer than the stall time-out, by the answers of another exchange that is given up
  await using silent = await startSpeaker(() => undefined);
  await expect(ask(transport, silent.url)).rejects.toMatchObject({ reason: "timeout" });
  expect((await buffer(body)).length).toBe(4_000_000);
});

test("bytes are received where their reader wants them", async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));
  await using server = await startSpeaker(({ socket }) => {
    socket.write(`${OK}content-length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes);
  });
  await using transport = openWire();
  const { body } = await transport.send({ method: "GET", url: server.url, headers: {} });
  const memory = Buffer.alloc(bytes.length);
  let [filled, inPlace] = [0, 0];
  const closed = new Promise((resolve) => body.once("close", resolve));
  if (!(body instanceof WireBody)) throw new Error("the body is of another kind");
  body.divert({
    memory: (limit) => memory.subarray(filled, filled + limit),
    take: (taken) => {
      if (taken.buffer === memory.buffer) inPlace += taken.length;
      else taken.copy(memory, filled);
      filled += taken.length;
    },
  });
  await closed;
  expect(memory.equals(bytes)).toBe(true);
  expect(inPlace).toBeGreaterThan(bytes.length / 2);
});

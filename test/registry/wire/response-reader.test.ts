import { describe, expect, test } from "vitest";
import { ResponseReader } from "../../../src/registry/wire/response-reader.ts";

interface Read {
  readonly status: number | undefined;
  readonly body: string;
  readonly surplusBytes: number | undefined;
  readonly isComplete: boolean;
}

/** Reads an answer that comes in pieces of so many bytes, and then the end of the connection. */
function read(text: string, { pieceBytes = text.length, method = "GET" } = {}): Read {
  let [status, body, surplusBytes]: [number | undefined, string, number | undefined] = [
    undefined,
    "",
    undefined,
  ];
  const reader = new ResponseReader(method, {
    onHead: (head) => {
      status = head.status;
    },
    onData: (bytes) => {
      body += bytes.toString("latin1");
      return true;
    },
    onEnd: (bytes) => {
      surplusBytes = bytes;
    },
  });
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length && surplusBytes === undefined; at += pieceBytes) {
    reader.take(bytes.subarray(at, at + pieceBytes));
  }
  return { status, body, isComplete: reader.end(), surplusBytes };
}

const OK = "HTTP/1.1 200 OK\r\n";
const WHOLE = { status: 200, body: "hello, world", isComplete: true, surplusBytes: 0 };

describe("an answer is read the same however its bytes are cut", () => {
  test.each<[string, string, Partial<Read>]>([
    ["with a length", `${OK}Content-Length: 12\r\n\r\nhello, world`, WHOLE],
    [
      "with chunks, extensions and trailers",
      `${OK}transfer-encoding: Chunked\r\n\r\n7;a=b\r\nhello, \r\n05\r\nworld\r\n0\r\nx: y\r\n\r\n`,
      WHOLE,
    ],
    ["that ends with the connection", `${OK}\r\nhello, world`, WHOLE],
    [
      "behind others that only tell to wait",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}content-length: 12\r\n\r\nhello, world`,
      WHOLE,
    ],
    ["without a body", "HTTP/1.1 204\r\n\r\n", { ...WHOLE, status: 204, body: "" }],
    [
      "that is cut off",
      `${OK}content-length: 13\r\n\r\nhello, world`,
      { ...WHOLE, isComplete: false, surplusBytes: undefined },
    ],
    [
      "that is cut off between chunks",
      `${OK}transfer-encoding: chunked\r\n\r\nc\r\nhello, world\r\n`,
      { ...WHOLE, isComplete: false, surplusBytes: undefined },
    ],
    [
      "that is cut off in its head",
      `${OK}content-le`,
      { status: undefined, isComplete: false, body: "" },
    ],
  ])("%s", (_, text, expected) => {
    for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes++) {
      expect(read(text, { pieceBytes })).toMatchObject(expected);
    }
  });

  test("of HEAD, whatever length it tells", () => {
    const text = `${OK}content-length: 12\r\n\r\n`;
    expect(read(text, { method: "HEAD" })).toMatchObject({ isComplete: true, body: "" });
  });
});

test("bytes behind a body are told of and are no part of it", () => {
  const twice = `${OK}content-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n`;
  expect(read(twice)).toMatchObject({ body: "hello", surplusBytes: 17 });
  const chunked = `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore`;
  expect(read(chunked)).toMatchObject({ body: "hello", surplusBytes: 4 });
});

describe("what could be read in two ways is refused", () => {
  const long = "x".repeat(20_000);
  test.each<[string, string, string]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "HPE_INVALID_CONSTANT"],
    ["another version", "HTTP/2 200\r\n\r\n", "HPE_INVALID_CONSTANT"],
    ["no status", "HTTP/1.1 OK\r\n\r\n", "HPE_INVALID_STATUS"],
    ["a change of protocol", "HTTP/1.1 101 Switching\r\n\r\n", "HPE_INVALID_CONSTANT"],
    ["a folded line", `${OK}a: b\r\n c\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a space before the colon", `${OK}a : b\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a bare line feed", `${OK}a: b\nc: d\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a bare carriage return", `${OK}a: b\rc: d\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a line without a name", `${OK}: b\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a line without a colon", `${OK}a\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a null byte", `${OK}a: b\0\r\n\r\n`, "HPE_INVALID_HEADER_TOKEN"],
    ["a head that does not end", `${OK}a: ${long}`, "HPE_HEADER_OVERFLOW"],
    ["a head that is too long", `${OK}a: ${long}\r\n\r\n`, "HPE_HEADER_OVERFLOW"],
    [
      "two lengths",
      `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\n`,
      "HPE_INVALID_CONTENT_LENGTH",
    ],
    ["two lengths in one", `${OK}content-length: 5, 5\r\n\r\n`, "HPE_INVALID_CONTENT_LENGTH"],
    ["a length with a sign", `${OK}content-length: +5\r\n\r\n`, "HPE_INVALID_CONTENT_LENGTH"],
    [
      "a length and chunks",
      `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
      "HPE_UNEXPECTED_CONTENT_LENGTH",
    ],
    [
      "an encoding on top of chunks",
      `${OK}transfer-encoding: gzip, chunked\r\n\r\n`,
      "HPE_INVALID_TRANSFER_ENCODING",
    ],
    ...["x\r\n", "-5\r\nhello", "5\nhello", "5\r\nhello!\r\n", `5;${long}`, "0x5\r\n"].map(
      (chunk): [string, string, string] => [
        `the chunk ${JSON.stringify(chunk.slice(0, 12))}`,
        `${OK}transfer-encoding: chunked\r\n\r\n${chunk}`,
        "HPE_INVALID_CHUNK_SIZE",
      ],
    ),
    [
      "trailers without end",
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\n${"a: b\r\n".repeat(100)}`,
      "HPE_INVALID_CHUNK_SIZE",
    ],
  ])("%s", (_, text, code) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code }));
    expect(() => read(text, { pieceBytes: 1 })).toThrow(expect.objectContaining({ code }));
  });
});

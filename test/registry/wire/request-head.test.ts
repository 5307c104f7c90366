import { expect, test } from "vitest";
import { formatRequestHead } from "../../../src/registry/wire/request-head.ts";

const GET = { method: "GET", target: "/v2/a?b=c", host: "registry.local:5000", headers: {} };

test("a request has its host, its headers and the length of its body", () => {
  expect(formatRequestHead({ ...GET, headers: { range: "bytes=0-1" } }, undefined)).toBe(
    "GET /v2/a?b=c HTTP/1.1\r\nhost: registry.local:5000\r\nconnection: keep-alive\r\nrange: bytes=0-1\r\n\r\n",
  );
  expect(formatRequestHead({ ...GET, method: "PUT" }, 7)).toContain("\r\ncontent-length: 7\r\n");
});

test("a request that could have a body says that it has none", () => {
  for (const method of ["POST", "PUT", "PATCH"]) {
    expect(formatRequestHead({ ...GET, method }, undefined)).toContain("content-length: 0\r\n");
  }
  expect(formatRequestHead(GET, undefined)).not.toContain("content-length");
});

test.each([
  { ...GET, target: "/v2/a b" },
  { ...GET, target: "/v2/a\r\nx: y" },
  { ...GET, method: "GET x" },
  { ...GET, headers: { "x y": "z" } },
  { ...GET, headers: { x: "y\r\nz: a" } },
  { ...GET, host: "a\nb" },
])("what would be another request is refused: %j", (exchange) => {
  expect(() => formatRequestHead(exchange, undefined)).toThrow(/malformed/);
});

import type { Exchange } from "../transport/exchange.ts";

/** Methods whose requests have a body as a rule, so that one without says so. */
const WITH_BODY = /^(?:POST|PUT|PATCH)$/;
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e]+$/;

/** The head of a request (RFC 9112, section 3). Throws what would not be one line each. */
export function formatRequestHead(
  exchange: Pick<Exchange, "method" | "target" | "host" | "headers">,
  bodyBytes: number | undefined,
): string {
  const { method, target, host, headers } = exchange;
  if (!NAME.test(method) || !TARGET.test(target)) throw new Error("the request line is malformed");
  const length = bodyBytes ?? (WITH_BODY.test(method) ? 0 : undefined);
  const fields = Object.entries({
    host,
    connection: "keep-alive",
    ...headers,
    ...(length === undefined ? {} : { "content-length": String(length) }),
  });
  const lines = fields.map(([name, value]) => {
    if (!NAME.test(name) || !VALUE.test(value)) throw new Error(`header "${name}" is malformed`);
    return `${name}: ${value}\r\n`;
  });
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

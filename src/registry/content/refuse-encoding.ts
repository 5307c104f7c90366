import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { headerOf } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";

/** What changes no byte. Stores repeat how a client once framed its upload (versitygw#2398): they keep what was in the frames. */
const PLAIN: ReadonlySet<string> = new Set(["", "identity", "aws-chunked"]);

/** Throws for content that a proxy has compressed on the way, though every request asks for it as it is: its digest is of what it was. */
export function refuseEncoding(response: HttpResponse, { registry }: RegistryHost): void {
  const encoding = headerOf(response.headers, "content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding.split(",").every((one) => PLAIN.has(one.trim()))) return;
  response.body.on("error", () => undefined).destroy();
  const { url, status } = response;
  const objection = `it encodes content as "${encoding}" though it was asked not to`;
  throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
}

import type { HttpRequest, HttpResponse } from "../transport/http.ts";
import type { BodyPart } from "./messages.ts";
import { RemoteBody } from "./remote-body.ts";
import type { ExchangeListener, ThreadLink } from "./thread-link.ts";

export interface SendByThreadOptions {
  /** What bodies are read from. */
  readonly content: number;
  readonly registries: readonly string[];
}

/** Sends one request on a connection of a thread, as a transport does here. */
export async function sendByThread(
  link: ThreadLink,
  request: HttpRequest,
  { content, registries }: SendByThreadOptions,
): Promise<HttpResponse> {
  const { method, url, headers, namedBy, refuses, extraAnswerMs, signal } = request;
  signal?.throwIfAborted();
  const listener: ExchangeListener = { onSent: request.onSent, onRecord: request.onEnd };
  const id = link.enterExchange(listener);
  const abort = () => link.abort(id);
  signal?.addEventListener("abort", abort, { once: true });
  const body = bodyPartOf(request, content);
  const copied = { method, url: url.href, headers, body, namedBy, refuses, extraAnswerMs };
  try {
    const answer = await link.call("send", { exchange: id, request: { ...copied, registries } });
    link.noteReach(url.hostname, answer.reach);
    const remote = new RemoteBody({ link, id, listener, signal });
    const { status, proxy } = answer;
    return {
      url: new URL(answer.url),
      status,
      headers: answer.headers,
      body: remote,
      discard: () => remote.discard(),
      ...(proxy === undefined ? {} : { proxy }),
    };
  } catch (error) {
    link.removeExchange(id);
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function bodyPartOf({ body }: HttpRequest, content: number): BodyPart | undefined {
  if (body === undefined) return undefined;
  if (Buffer.isBuffer(body) || body.start === undefined) {
    throw new Error("a thread sends bodies from its content only");
  }
  return { content, start: body.start, size: body.size };
}

import { once } from "node:events";
import type { Transport } from "../transport/create-transport.ts";
import type { HttpRequest, HttpResponse, RequestBody } from "../transport/http.ts";
import { WireBody } from "../wire/wire-body.ts";
import { HeldContent } from "./held-content.ts";
import type {
  BodyPart,
  ContentFault,
  FromThread,
  PourEnd,
  ThreadAnswer,
  ThreadCalls,
} from "./messages.ts";
import { pour } from "./pour.ts";

export interface ThreadExchangesOptions {
  readonly transport: Transport;
  /** Filled with the hosts that are shown the client certificate. */
  readonly registries: Set<string>;
  readonly post: (message: FromThread) => void;
}

type Wish<Name extends keyof ThreadCalls> = ThreadCalls[Name]["wish"];

interface Exchange {
  readonly controller: AbortController;
  response?: HttpResponse;
}

/** What is sent between two reports. */
const SENT_STEP_BYTES = 4 * 1024 * 1024;
const SENT_STEP_MS = 100;

/** The calls of a thread: exchanges with servers, and the contents that their bodies come from or go to. */
export class ThreadExchanges {
  readonly #options: ThreadExchangesOptions;
  readonly #contents = new Map<number, HeldContent>();
  readonly #exchanges = new Map<number, Exchange>();

  constructor(options: ThreadExchangesOptions) {
    this.#options = options;
  }

  open({ content, ...spec }: Wish<"open">): void {
    this.#contents.set(content, new HeldContent(spec));
  }

  keep({ content, end }: Wish<"keep">): Promise<boolean> {
    return this.#contentOf(content).keep(end);
  }

  digest({ content }: Wish<"digest">): string {
    return this.#contentOf(content).digest();
  }

  close({ content }: Wish<"close">): void {
    this.#contents.get(content)?.[Symbol.dispose]();
    this.#contents.delete(content);
  }

  async send({ exchange: id, request }: Wish<"send">): Promise<ThreadAnswer> {
    const { transport, registries, post } = this.#options;
    for (const host of request.registries) registries.add(host);
    const exchange: Exchange = { controller: new AbortController() };
    this.#exchanges.set(id, exchange);
    const { url: address, body, registries: _registries, ...rest } = request;
    const url = new URL(address);
    const size = body?.size ?? 0;
    const sent = countSteps(size, (bytes) => post({ type: "sent", exchange: id, bytes }));
    const complete: HttpRequest = {
      ...rest,
      url,
      body: body && this.#bodyOf(body),
      signal: exchange.controller.signal,
      onSent: sent.add,
      onEnd: (record) => {
        sent.flush();
        post({ type: "record", exchange: id, record });
      },
    };
    try {
      const response = await transport.send(complete);
      exchange.response = response;
      const { status, headers, proxy } = response;
      const reach = transport.reachOfHost(url.hostname);
      return { url: response.url.href, status, headers, proxy, reach };
    } catch (error) {
      this.#exchanges.delete(id);
      throw error;
    }
  }

  async pour({ exchange, content, surplusBytes }: Wish<"pour">): Promise<PourEnd> {
    const { body } = this.#responseOf(exchange);
    if (!(body instanceof WireBody)) throw new Error("the body is of another connection");
    const end = await pour(body, this.#contentOf(content), {
      surplusBytes,
      onProgress: (position) => this.#options.post({ type: "progress", exchange, position }),
    });
    this.#exchanges.delete(exchange);
    return end;
  }

  async more({ exchange }: Wish<"more">): Promise<Uint8Array | undefined> {
    const { body } = this.#responseOf(exchange);
    for (;;) {
      const bytes = body.read() as Buffer | null;
      if (bytes !== null) return Uint8Array.from(bytes);
      if (body.errored) throw body.errored;
      if (body.readableEnded || body.destroyed) return undefined;
      await Promise.race([once(body, "readable"), once(body, "close")]);
    }
  }

  async discard({ exchange }: Wish<"discard">): Promise<void> {
    const response = this.#exchanges.get(exchange)?.response;
    this.#exchanges.delete(exchange);
    await response?.discard();
  }

  /** Ends an exchange wherever it is: its calls fail. */
  abort(id: number): void {
    const exchange = this.#exchanges.get(id);
    exchange?.controller.abort();
    exchange?.response?.body.destroy();
  }

  /** Nobody asks for it any more. */
  drop({ exchange }: Wish<"drop">): void {
    this.abort(exchange);
    this.#exchanges.delete(exchange);
  }

  #bodyOf({ content, start, size }: BodyPart): RequestBody {
    const onFault = (fault: ContentFault) => {
      this.#options.post({ type: "fault", content, fault });
    };
    return {
      size,
      open: neverOpened,
      pieces: () => this.#contentOf(content).read(start, size, onFault),
    };
  }

  #contentOf(id: number): HeldContent {
    const content = this.#contents.get(id);
    if (!content) throw new Error(`content ${id} is not open`);
    return content;
  }

  #responseOf(id: number): HttpResponse {
    const response = this.#exchanges.get(id)?.response;
    if (!response) throw new Error(`exchange ${id} has no answer`);
    return response;
  }
}

function neverOpened(): never {
  throw new Error("the content is read piece by piece");
}

/** Tells of the last bytes at once: others wait for the line. */
function countSteps(size: number, tell: (bytes: number) => void) {
  let [waiting, toldAt, left] = [0, 0, size];
  const flush = () => {
    if (waiting > 0) tell(waiting);
    [waiting, toldAt] = [0, performance.now()];
  };
  const add = (bytes: number) => {
    waiting += bytes;
    left -= bytes;
    const isDue = waiting >= SENT_STEP_BYTES || performance.now() - toldAt >= SENT_STEP_MS;
    if (isDue || left === 0) flush();
  };
  return { add, flush };
}

import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable, Writable } from "node:stream";

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** The `Range` header. */
  readonly range?: string | undefined;
  /** 0 until an answer comes. */
  status: number;
  /** Body bytes that passed so far. */
  requestBytes: number;
  responseBytes: number;
}

export interface CutOptions {
  /** Body bytes that pass before both connections are cut. */
  readonly afterBytes: number;
  readonly direction: "request" | "response";
  /** Only bytes of these requests count; default all. */
  readonly method?: string | undefined;
  readonly path?: RegExp | undefined;
}

/** Stands in front of a registry on plain HTTP, counts, and cuts connections on demand. */
export interface CountingProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly requests: readonly ProxiedRequest[];
  /** The requests with this method and a matching path. */
  find(method: string, path?: RegExp): ProxiedRequest[];
  /** Body bytes of blob downloads. */
  readonly downloadedBytes: number;
  /** Body bytes of blob uploads. */
  readonly uploadedBytes: number;
  /** Cuts once; resolves when it has happened. */
  cut(options: CutOptions): Promise<void>;
  /** Passes so many bytes and then nothing more, with the connections open; resolves when they have passed. */
  hold(options: CutOptions): Promise<void>;
  /** Lets flow what is held. */
  release(): void;
  /** Ends what is held: nothing more of it passes, also when a client that was killed is not yet seen to be gone. */
  drop(): void;
  /** Forgets the requests seen so far. */
  reset(): void;
}

/** `target` is `host:port`, asked for at every request, so a registry may move. */
export async function startCountingProxy(target: string | (() => string)): Promise<CountingProxy> {
  const state: ProxyState = {
    target: typeof target === "string" ? () => target : target,
    requests: [],
    cuts: new Set(),
    holds: new Set(),
  };
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    forward(state, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const find = (method: string, path = /./) =>
    state.requests.filter((request) => request.method === method && path.test(request.path));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return state.requests;
    },
    find,
    get downloadedBytes() {
      return sum(find("GET", /\/blobs\//).map(({ responseBytes }) => responseBytes));
    },
    get uploadedBytes() {
      const uploads = ["POST", "PATCH", "PUT"].flatMap((method) =>
        find(method, /\/blobs\/uploads/),
      );
      return sum(uploads.map(({ requestBytes }) => requestBytes));
    },
    cut: (options) =>
      new Promise((resolve) => {
        const cut: PendingCut = {
          ...options,
          leftBytes: options.afterBytes,
          done: () => {
            state.cuts.delete(cut);
            resolve();
          },
        };
        state.cuts.add(cut);
      }),
    hold: (options) =>
      new Promise((resolve) => {
        state.holds.add(createHold(options, resolve));
      }),
    release: () => {
      for (const { open } of state.holds) open();
      state.holds.clear();
    },
    drop: () => {
      for (const { abandon } of state.holds) abandon();
      state.holds.clear();
    },
    reset: () => {
      state.requests = [];
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

interface PendingCut extends CutOptions {
  leftBytes: number;
  readonly done: () => void;
}

interface Hold extends CutOptions {
  leftBytes: number;
  /** Resolves when everything may flow again. */
  readonly opened: Promise<void>;
  readonly open: () => void;
  /** Rejects `opened`. */
  readonly abandon: () => void;
  readonly reached: () => void;
}

function createHold(options: CutOptions, reached: () => void): Hold {
  if (!Number.isInteger(options.afterBytes)) throw new RangeError("Bytes are whole");
  let [open, abandon] = [() => {}, () => {}];
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    abandon = () => reject(new Error("The held exchange was dropped"));
  });
  // Nobody may have come as far as the hold
  opened.catch(() => undefined);
  return { ...options, leftBytes: options.afterBytes, opened, open, abandon, reached };
}

interface ProxyState {
  readonly target: () => string;
  requests: ProxiedRequest[];
  readonly cuts: Set<PendingCut>;
  readonly holds: Set<Hold>;
}

async function forward(
  state: ProxyState,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const seen: ProxiedRequest = {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    range: incoming.headers.range,
    status: 0,
    requestBytes: 0,
    responseBytes: 0,
  };
  state.requests.push(seen);
  const [host, port] = state.target().split(":");
  const { headers, method, url } = incoming;
  // The Host header stays, so that absolute locations lead back here.
  const upstream = httpRequest({ host, port, method, path: url, headers, agent: false });
  const end = () => {
    incoming.socket.destroy();
    upstream.destroy();
  };
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.on("response", resolve).on("error", reject);
  });
  outgoing.on("close", () => upstream.destroy());
  const meter = (direction: CutOptions["direction"]) => ({
    count: (bytes: number) => {
      seen[`${direction}Bytes`] += bytes;
    },
    end,
    findCut: () => [...state.cuts].find((cut) => concerns(cut, seen, direction)),
    findHold: () => [...state.holds].find((hold) => concerns(hold, seen, direction)),
  });
  // A registry may answer before it has read everything; without an answer `answered` rejects.
  pass(incoming, upstream, meter("request")).catch(() => {
    if (seen.status === 0) upstream.destroy();
  });
  const response = await answered;
  seen.status = response.statusCode ?? 0;
  outgoing.writeHead(seen.status, response.rawHeaders);
  await pass(response, outgoing, meter("response"));
}

interface Meter {
  readonly count: (bytes: number) => void;
  readonly end: () => void;
  readonly findCut: () => PendingCut | undefined;
  readonly findHold: () => Hold | undefined;
}

/** Counts what passes, and stops or ends the exchange in the middle of a buffer if a hold or a cut says so. */
async function pass(source: Readable, sink: Writable, meter: Meter): Promise<void> {
  const { count, end, findCut } = meter;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    const rest = await passHeld(chunk, sink, meter);
    const cut = findCut();
    const passed = cut === undefined ? rest : rest.subarray(0, cut.leftBytes);
    count(passed.length);
    await write(sink, passed);
    if (cut === undefined) continue;
    cut.leftBytes -= passed.length;
    if (cut.leftBytes > 0) continue;
    end();
    cut.done();
    return;
  }
  sink.end();
}

/** Passes what holds allow, waits for them, and returns the rest. */
async function passHeld(
  chunk: Buffer,
  sink: Writable,
  { count, findHold }: Meter,
): Promise<Buffer> {
  let rest = chunk;
  for (let hold = findHold(); hold !== undefined && rest.length > 0; hold = findHold()) {
    if (hold.leftBytes === 0) {
      await hold.opened;
      continue;
    }
    const head = rest.subarray(0, hold.leftBytes);
    rest = rest.subarray(head.length);
    hold.leftBytes -= head.length;
    count(head.length);
    await write(sink, head);
    if (hold.leftBytes === 0) hold.reached();
  }
  return rest;
}

/** Resolves when the bytes are with the kernel, so a cut comes after exactly these. */
async function write(sink: Writable, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    sink.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function concerns(cut: CutOptions, seen: ProxiedRequest, direction: string): boolean {
  const { method = seen.method, path = /./ } = cut;
  return cut.direction === direction && method === seen.method && path.test(seen.path);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

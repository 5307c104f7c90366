import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Dispatcher } from "undici";
import type { ExchangeRecord } from "./exchange-record.ts";
import { nextConnection } from "./next-connection.ts";

export interface MeterOptions {
  /** Longest time from the request on a connection to the status of its answer; 0: somebody else watches. */
  readonly answerTimeoutMs: number;
  readonly onData: (bytes: number) => void;
  readonly onEnd: (record: ExchangeRecord) => void;
}

const connections = new WeakMap<Socket, number>();
/** The exchange that is being written: undici tells its socket in the same turn. */
let starting: { readonly path: string; readonly take: (socket: Socket) => void } | undefined;

subscribe("undici:client:sendHeaders", (message) => {
  const { request, socket } = message as { request: { path: string }; socket: Socket };
  if (starting?.path === request.path) starting.take(socket);
  starting = undefined;
});

function numberOf(socket: Socket): number {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const number = nextConnection();
  connections.set(socket, number);
  return number;
}

/**
 * Counts an exchange and limits the wait for its answer: neither a header now and then nor any number of 1xx answers count
 * as one. Waiting for a connection does not count either.
 */
export function metered(options: MeterOptions): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (request, handler) => {
    return dispatch(request, createMeter(request, handler, options));
  };
}

function createMeter(
  { path }: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  { answerTimeoutMs, onData, onEnd }: MeterOptions,
): Dispatcher.DispatchHandler {
  let [sentBytes, receivedBytes, startedAt] = [0, 0, performance.now()];
  let status: number | undefined;
  let connection: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const end = () => {
    clearTimeout(timer);
    if (isOver) return;
    isOver = true;
    const milliseconds = Math.round(performance.now() - startedAt);
    onEnd({ status, sentBytes, receivedBytes, milliseconds, connection });
  };
  // the interface that the requests of undici 7 have
  return {
    onConnect(abort, ...context: unknown[]) {
      startedAt = performance.now();
      starting = { path, take: (socket) => (connection = numberOf(socket)) };
      if (answerTimeoutMs > 0) timer = setTimeout(() => abort(noAnswer()), answerTimeoutMs);
      (handler.onConnect as ((...args: unknown[]) => void) | undefined)?.(abort, ...context);
    },
    onBodySent(...args: unknown[]) {
      const [chunk] = args;
      if (Buffer.isBuffer(chunk)) sentBytes += chunk.length;
      (handler.onBodySent as ((...args: unknown[]) => void) | undefined)?.(...args);
    },
    onHeaders(code, headers, resume, text) {
      if (code >= 200) {
        status = code;
        clearTimeout(timer);
      }
      return handler.onHeaders?.(code, headers, resume, text) ?? true;
    },
    onData(chunk) {
      receivedBytes += chunk.length;
      onData(chunk.length);
      return handler.onData?.(chunk) ?? true;
    },
    onComplete(trailers) {
      end();
      handler.onComplete?.(trailers);
    },
    onError(error) {
      end();
      handler.onError?.(error);
    },
  };
}

function noAnswer(): NodeJS.ErrnoException {
  return Object.assign(new Error("No answer came in time"), { code: "STALLED" });
}

import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import type { RegistryContent } from "../../src/server/memory-content.ts";
import type {
  RegistryMiddleware,
  RegistryRequest,
  RegistryResponse,
} from "../../src/server/message.ts";
import { auth } from "./faults/auth-faults.ts";
import { lazily } from "./faults/connection.ts";
import {
  contentDigest,
  createSignedOrigin,
  drop,
  gzip,
  head,
  range,
  redirect,
} from "./faults/download-faults.ts";
import { compose, type FaultContext, type FaultMaker } from "./faults/fault.ts";
import {
  cookie,
  denied,
  echo,
  refuseConnection,
  tooManyRequests,
  unavailable,
} from "./faults/limit-faults.ts";
import { noTagList, referrers, subjectHeader, tagPages } from "./faults/list-faults.ts";
import { random } from "./faults/random-faults.ts";
import { accept, emptyCommit, patch, tagLimit, uploadHeaders } from "./faults/strict-faults.ts";
import {
  abortedPatch,
  blobDelete,
  bodyLimit,
  commitReset,
  commitWait,
  dropUpload,
  emptyRange,
  location,
  minPartBytes,
  mount,
  partLimitBytes,
  patchStatus,
  postDigest,
  sessionLost,
  stateToken,
  statusGet,
  statusLocation,
  statusRange,
} from "./faults/upload-faults.ts";

/** Every switch, from the outermost to the innermost: the order in which requests meet them. */
const FAULTS = {
  refuseConnection,
  tooManyRequests,
  unavailable,
  echo,
  auth,
  denied,
  cookie,
  random,
  head,
  gzip,
  redirect,
  drop,
  range,
  contentDigest,
  accept,
  tagLimit,
  noTagList,
  tagPages,
  referrers,
  subjectHeader,
  statusGet,
  statusLocation,
  statusRange,
  emptyRange,
  location,
  uploadHeaders,
  patch,
  emptyCommit,
  partLimitBytes,
  bodyLimit,
  minPartBytes,
  postDigest,
  mount,
  blobDelete,
  patchStatus,
  commitReset,
  commitWait,
  stateToken,
  sessionLost,
  abortedPatch,
  dropUpload,
} as const;

export type FaultName = keyof typeof FAULTS;

/** What is wrong with a registry; each switch is described where it is made, in `faults/`. */
export type Faults = {
  readonly [Name in FaultName]?: (typeof FAULTS)[Name] extends FaultMaker<infer Value>
    ? Value
    : never;
};

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** 0 as long as there is no answer. */
  status: number;
  /** Body bytes that came and went so far. */
  receivedBytes: number;
  sentBytes: number;
}

/** Requests in the order of arrival. */
export interface RequestLog {
  readonly entries: readonly LoggedRequest[];
  find(method: string, path?: RegExp): LoggedRequest[];
  count(method: string, path?: RegExp): number;
  clear(): void;
}

export interface FaultRegistryOptions {
  readonly faults?: Faults | undefined;
  readonly content?: RegistryContent | undefined;
  readonly port?: number | undefined;
  /** Accept indexes whose children are missing. */
  readonly sparseIndexes?: boolean | undefined;
  /** Default: the clock of the machine. */
  readonly now?: (() => number) | undefined;
  /** A fault of the test's own, inside of all others. */
  readonly middleware?: RegistryMiddleware | undefined;
}

export interface FaultRegistry extends EmbeddedRegistry {
  readonly log: RequestLog;
  /** The second origin, where `redirect`, foreign links and foreign locations lead. */
  readonly other: { readonly host: string; readonly log: RequestLog };
  /** Switches that have changed a request or an answer. */
  readonly met: ReadonlySet<FaultName>;
  /** Replaces all switches, for the requests that come from now on. */
  setFaults(faults: Faults): void;
}

export async function startFaultRegistry(
  options: FaultRegistryOptions = {},
): Promise<FaultRegistry> {
  const { middleware, now = Date.now } = options;
  const own = middleware === undefined ? [] : [middleware];
  const [log, otherLog] = [createLog(), createLog()];
  const current: Record<"main" | "other", RegistryMiddleware> = {
    main: compose([]),
    other: compose([]),
  };
  const registry = await openEmbeddedRegistry({
    ...options,
    middleware: compose([log.middleware, (request, next) => current.main(request, next)]),
  });
  const { content } = registry;
  const other = await openEmbeddedRegistry({
    ...options,
    content,
    port: 0,
    middleware: compose([otherLog.middleware, (request, next) => current.other(request, next)]),
  });
  const met = new Set<FaultName>();
  const context: FaultContext = { content, now, otherHost: () => other.host };
  const setFaults = (faults: Faults) => {
    current.main = compose([...createFaults(faults, context, met), ...own]);
    // Storage behind a registry has neither its accounts nor its front end.
    const {
      auth: _,
      cookie: __,
      denied: ___,
      echo: _____,
      random: ____,
      redirect: redirected,
      ...rest
    } = faults;
    const signed = redirected === undefined ? [] : [createSignedOrigin()];
    current.other = compose([...signed, ...createFaults(rest, context), ...own]);
  };
  setFaults(options.faults ?? {});
  const close = async () => {
    await registry.close();
    await other.close();
  };
  return {
    ...registry,
    log,
    met,
    other: { host: other.host, log: otherLog },
    setFaults,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createFaults(
  faults: Faults,
  context: FaultContext,
  met: Set<FaultName> = new Set(),
): RegistryMiddleware[] {
  const names = Object.keys(FAULTS) as FaultName[];
  return names
    .filter((name) => faults[name] !== undefined)
    .map((name) => {
      const fault = (FAULTS[name] as FaultMaker<unknown>)(faults[name], context);
      return noting(fault, () => met.add(name));
    });
}

/** Calls `onMet` when a request or an answer is not passed on as it is. */
function noting(fault: RegistryMiddleware, onMet: () => void): RegistryMiddleware {
  return async (request, next) => {
    let inner: RegistryResponse | undefined;
    const response = await fault(request, async (passed) => {
      if (passed !== request) onMet();
      inner = await next(passed);
      return inner;
    });
    if (response !== inner) onMet();
    return response;
  };
}

function createLog(): RequestLog & { readonly middleware: RegistryMiddleware } {
  let entries: LoggedRequest[] = [];
  const find = (method: string, path = /./) =>
    entries.filter((entry) => entry.method === method && path.test(entry.path));
  return {
    get entries() {
      return entries;
    },
    find,
    count: (method, path) => find(method, path).length,
    clear: () => {
      entries = [];
    },
    async middleware(request, next) {
      const entry = createEntry(request);
      entries.push(entry);
      const body = lazily(counted(request.body, (bytes) => (entry.receivedBytes += bytes)));
      const response = await next({ ...request, body });
      entry.status = response.status;
      return countResponse(request, response, entry);
    },
  };
}

function createEntry({ headers, method, path, query }: RegistryRequest): LoggedRequest {
  const counters = { status: 0, receivedBytes: 0, sentBytes: 0 };
  return { method, path, query: query.toString(), headers, ...counters };
}

function countResponse(
  { method }: RegistryRequest,
  response: RegistryResponse,
  entry: LoggedRequest,
): RegistryResponse {
  if (response.body === undefined || method === "HEAD") return response;
  if (Buffer.isBuffer(response.body)) {
    entry.sentBytes += response.body.length;
    return response;
  }
  const body = lazily(counted(response.body, (bytes) => (entry.sentBytes += bytes)));
  return { ...response, body };
}

async function* counted(chunks: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    count(chunk.length);
    yield chunk;
  }
}

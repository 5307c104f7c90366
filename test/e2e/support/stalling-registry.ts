import { Readable } from "node:stream";
import {
  type EmbeddedRegistry,
  openEmbeddedRegistry,
} from "../../../src/server/embedded-registry.ts";
import type { RegistryMiddleware } from "../../../src/server/message.ts";

export interface StallingRegistry extends EmbeddedRegistry {
  /** Large blobs that stalled in the middle so far. */
  readonly stalled: number;
  /** From now on, everything is answered to its end. */
  flow(): void;
}

/** Blobs from this size on stop in the middle. */
const STALL_BYTES = 100_000;

/** A registry that sends the first half of each large blob and then nothing more, until `flow` is called. */
export async function openStallingRegistry(): Promise<StallingRegistry> {
  const state = { isFlowing: false, stalled: 0 };
  const middleware: RegistryMiddleware = async (request, next) => {
    const response = await next(request);
    const size = Number(response.headers["content-length"]);
    const isLarge = /\/blobs\/sha256:/.test(request.path) && size >= STALL_BYTES;
    if (request.method !== "GET" || state.isFlowing || !isLarge) return response;
    state.stalled++;
    return { ...response, body: firstHalf(response.body ?? Buffer.alloc(0), size) };
  };
  const registry = await openEmbeddedRegistry({ middleware });
  return {
    ...registry,
    get stalled() {
      return state.stalled;
    },
    flow: () => {
      state.isFlowing = true;
    },
  };
}

function firstHalf(body: Buffer | Readable, size: number): Readable {
  const half = async function* () {
    let left = Math.floor(size / 2);
    for await (const chunk of Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Buffer>)) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) await new Promise(() => {});
    }
  };
  return Readable.from(half(), { objectMode: false });
}

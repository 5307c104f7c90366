import { fillReadBuffer, takeReadBuffer } from "./read-buffers.ts";

/** What all who read at the same time hold together, before they read less at once. */
const SHARED_BYTES = 32 * 1024 * 1024;

/** Of what is free, one piece takes no more: whoever comes next has some as well. */
const SHARE = 1 / 32;

/** A larger piece spares nothing more. */
const MOST_BYTES = 1024 * 1024;

/** A smaller piece costs more time than it spares memory. */
const LEAST_BYTES = 32 * 1024;

/** Memory of less is not asked for. */
const SMALLEST_BYTES = 1024;

let heldBytes = 0;

/**
 * Reads bytes from `start` up to, not including, `end`, piece by piece, and the next piece while one is used. The more is
 * held by all readers of this process, the smaller pieces are, and at last none is read ahead: a thousand clients that stand
 * still hold one small piece each. `read` fills all of the memory that it gets, or rejects. A piece counts as held until the
 * next one is asked for; its memory is for `recycleReadBuffer`.
 */
export async function* readChunks(
  { start, end }: { readonly start: number; readonly end: number },
  read: (memory: Buffer, position: number) => Promise<void>,
): AsyncGenerator<Buffer> {
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
    heldBytes += bytes;
  };
  const readAt = async (position: number): Promise<Buffer> => {
    const memory = takeReadBuffer(pieceBytes(end - position));
    hold(memory.length);
    const piece = memory.subarray(0, Math.min(memory.length, end - position));
    await read(piece, position);
    return piece;
  };
  let next: Promise<Buffer> | undefined;
  try {
    for (let position = start; position < end; ) {
      const piece = await (next ?? readAt(position));
      const size = piece.buffer.byteLength;
      position += piece.length;
      const isRoomAhead = position < end && heldBytes < SHARED_BYTES / 2;
      next = isRoomAhead ? readAt(position) : undefined;
      // Seen when its turn comes
      next?.catch(() => undefined);
      yield fillReadBuffer(piece, piece.length);
      hold(-size);
    }
  } finally {
    // Nobody writes into memory that others have
    await next?.catch(() => undefined);
    heldBytes -= held;
  }
}

/**
 * What a stream of chunks takes ahead of whoever reads it (`highWaterMark`): a piece, which the next one is prepared behind, or
 * nothing while many read.
 */
export function chunksAhead(): 0 | 1 {
  return heldBytes < SHARED_BYTES / 4 ? 1 : 0;
}

/** A power of two, and no more than what is `left` needs: memory of few sizes is used again. */
function pieceBytes(left: number): number {
  const share = Math.max(0, SHARED_BYTES - heldBytes) * SHARE;
  const fitting = 2 ** Math.floor(Math.log2(Math.max(share, LEAST_BYTES)));
  const needed = 2 ** Math.ceil(Math.log2(Math.max(left, SMALLEST_BYTES)));
  return Math.min(fitting, needed, MOST_BYTES);
}

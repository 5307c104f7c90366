/** Bytes of a frame before it is compressed. No frame has a window above that: k3s reads no more than 32 MiB. */
const FRAME_BYTES = 4 * 1024 * 1024;

/** First bytes of every frame (RFC 8878, 3.1.1). */
const MAGIC = 0xfd2fb528;

/**
 * Zstandard where Node.js does not have it (before 22.15): one frame after the other, as the format allows (RFC 8878, 3.1), so
 * that memory stays flat. The same bytes on every machine, at about the pace of gzip.
 */
export async function* zstdFrames(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Zstd } = await import("@hpcc-js/wasm-zstd");
  const zstd = await Zstd.load();
  for await (const block of blocksOf(bytes)) {
    const frame = Buffer.from(zstd.compress(block));
    // The library says what goes wrong to the console only
    if (frame.length < 4 || frame.readUInt32LE(0) !== MAGIC) {
      throw new Error(`zstd made no frame of ${block.length} bytes`);
    }
    yield frame;
  }
}

async function* blocksOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const block = Buffer.alloc(FRAME_BYTES);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(block, filled, at);
      at += copied;
      filled += copied;
      if (filled < FRAME_BYTES) continue;
      yield block;
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

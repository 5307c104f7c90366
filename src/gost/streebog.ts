import {
  BLOCK_BYTES,
  INPUT_BYTES,
  PLACE,
  renderStreebogModule,
  renderStreebogTables,
  type StreebogExports,
} from "./streebog-module.ts";
import { compileModule, instantiateModule } from "./webassembly.ts";

let compiled: { readonly module: object; readonly tables: Uint8Array } | undefined;

/** A running hash of GOST R 34.11-2012 with 256 bits, also called Streebog-256. */
export class Streebog256 {
  readonly #exports: StreebogExports;
  readonly #memory: Uint8Array;
  /** Bytes that wait for the rest of their block, at `PLACE.input`. */
  #waiting = 0;

  constructor() {
    compiled ??= {
      module: compileModule(renderStreebogModule()),
      tables: renderStreebogTables(),
    };
    this.#exports = instantiateModule(compiled.module) as StreebogExports;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#memory.set(compiled.tables);
    this.#memory.fill(1, PLACE.hash, PLACE.hash + BLOCK_BYTES);
  }

  update(bytes: Uint8Array): this {
    for (let position = 0; position < bytes.length; ) {
      const length = Math.min(INPUT_BYTES - this.#waiting, bytes.length - position);
      this.#memory.set(bytes.subarray(position, position + length), PLACE.input + this.#waiting);
      position += length;
      this.#take(this.#waiting + length);
    }
    return this;
  }

  #take(available: number): void {
    const whole = available - (available % BLOCK_BYTES);
    if (whole > 0) {
      this.#exports.update(PLACE.input, PLACE.input + whole);
      this.#memory.copyWithin(PLACE.input, PLACE.input + whole, PLACE.input + available);
    }
    this.#waiting = available - whole;
  }

  /** 64 lower-case hex digits in the order of `gostsum` and OpenSSL. Ends the hash. */
  digest(): string {
    const memory = this.#memory;
    memory.copyWithin(PLACE.last, PLACE.input, PLACE.input + this.#waiting);
    memory.fill(0, PLACE.last + this.#waiting, PLACE.last + BLOCK_BYTES);
    memory[PLACE.last + this.#waiting] = 1;
    const words = new DataView(memory.buffer);
    const bits = words.getBigUint64(PLACE.counter, true) + BigInt(8 * this.#waiting);
    this.#exports.update(PLACE.last, PLACE.last + BLOCK_BYTES);
    words.setBigUint64(PLACE.counter, bits, true);
    this.#exports.mix(PLACE.counter, PLACE.zeros);
    this.#exports.mix(PLACE.sum, PLACE.zeros);
    const end = PLACE.hash + BLOCK_BYTES;
    return Buffer.from(memory.subarray(end - BLOCK_BYTES / 2, end)).toString("hex");
  }
}

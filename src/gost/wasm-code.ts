/** Bytes of WebAssembly instructions; a stack machine: operands first. */
export type Code = readonly number[];

/** The instructions that are used (WebAssembly core specification 2.0, section 5.4). */
export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  call: (func: number): Code => [0x10, ...unsigned(func)],
  /** Repeats the body as long as it leaves something else than 0. */
  loop: (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0x00, END],
  i32: (value: number): Code => [0x41, ...signed(value)],
  i64: (value: number): Code => [0x42, ...signed(value)],
  /** The eight bytes at an address plus `offset`. */
  load64: (offset: number): Code => [0x29, 3, ...unsigned(offset)],
  store64: (offset: number): Code => [0x37, 3, ...unsigned(offset)],
  load32: (offset: number): Code => [0x28, 2, ...unsigned(offset)],
  load128: (offset: number): Code => [0xfd, 0x00, 4, ...unsigned(offset)],
  store128: (offset: number): Code => [0xfd, 0x0b, 4, ...unsigned(offset)],
  /** Eight bytes as a v128 that is zero above. */
  loadLow64: (offset: number): Code => [0xfd, 0x5d, 3, ...unsigned(offset)],
  /** Eight bytes into the upper half of a v128. */
  loadHigh64: (offset: number): Code => [0xfd, 0x57, 3, ...unsigned(offset), 1],
  less32: [0x49],
  add32: [0x6a],
  and32: [0x71],
  shiftRight32: [0x76],
  less64: [0x54],
  add64: [0x7c],
  or64: [0x84],
  /** i32 → i64 */
  extend: [0xad],
  xor128: [0xfd, 0x51],
  /** The lower or upper eight bytes of a v128 as eight 16-bit lanes. */
  widenLow: [0xfd, 0x89, 0x01],
  widenHigh: [0xfd, 0x8a, 0x01],
  /** Shifts each 16-bit lane of a v128 by an i32. */
  shiftLeft16: [0xfd, 0x8b, 0x01],
} as const;

export interface WasmFunction {
  readonly name: string;
  /** Locals behind the two i32 parameters, in this order. */
  readonly locals: { readonly i32: number; readonly i64: number; readonly v128: number };
  readonly body: Code;
}

/** A module with one memory, and functions that take two addresses and return nothing; all are exported. */
export function formatModule(functions: readonly WasmFunction[], pages: number): Uint8Array {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...vector([[I32], [I32]]), 0]]),
    ...section(
      3,
      functions.map(() => [0]),
    ),
    ...section(5, [[0, ...unsigned(pages)]]),
    ...section(7, [
      [...text("memory"), 2, 0],
      ...functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]),
    ]),
    ...section(10, functions.map(formatFunction)),
  ]);
}

const END = 0x0b;
const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;

function formatFunction({ locals, body }: WasmFunction): Code {
  const declared = vector([
    [...unsigned(locals.i32), I32],
    [...unsigned(locals.i64), I64],
    [...unsigned(locals.v128), V128],
  ]);
  return sized([...declared, ...body, END]);
}

function section(id: number, items: readonly Code[]): Code {
  return [id, ...sized(vector(items))];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(code: Code): Code {
  return [...unsigned(code.length), ...code];
}

function text(name: string): Code {
  return sized([...Buffer.from(name)]);
}

/** LEB128: seven bits a byte, the lowest first; the highest bit says that more follow. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  return value >= -0x40 && value < 0x40
    ? [value & 0x7f]
    : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

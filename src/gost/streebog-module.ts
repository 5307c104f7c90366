import { A_ROWS, C_ROUNDS, PI_HEX } from "./streebog-constants.ts";
import { type Code, formatModule, wasm } from "./wasm-code.ts";

/**
 * The compression function of Streebog as a WebAssembly module that is put together here: 64-bit arithmetic on tables is
 * several times as fast there as in JavaScript. Numbers of 512 bits are eight words, the lowest first.
 *
 *   0 tables | 16384 constants | hash | counter | sum | zeros | last block | key | state | … | 32768 input
 */
export const PLACE = {
  tables: 0,
  constants: 16_384,
  hash: 17_152,
  counter: 17_216,
  sum: 17_280,
  zeros: 17_344,
  last: 17_408,
  key: 17_472,
  state: 17_536,
  input: 32_768,
} as const;

export const BLOCK_BYTES = 64;

/** Bytes that fit behind `PLACE.input`. */
export const INPUT_BYTES = 32_768;

/** What the module exports; addresses are positions in the memory. */
export interface StreebogExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Takes the block into the hash, with the counter at the second address. */
  readonly mix: (block: number, counter: number) => void;
  /** Takes all blocks from the first address to the second, and counts and sums them. */
  readonly update: (block: number, end: number) => void;
}

export function renderStreebogModule(): Uint8Array {
  const functions = [
    { name: "mix", locals: { i32: 1, i64: 9 }, body: mixBody() },
    { name: "update", locals: { i32: 0, i64: 3 }, body: updateBody() },
  ];
  return formatModule(functions, (PLACE.input + INPUT_BYTES) / 65_536);
}

/** What the memory holds before the first block, up to `PLACE.hash`. */
export function renderStreebogTables(): Uint8Array {
  const pi = Buffer.from(PI_HEX, "hex");
  const bytes = new DataView(new ArrayBuffer(PLACE.hash));
  for (let table = 0; table < 8; table++) {
    for (let byte = 0; byte < 256; byte++) {
      const at = PLACE.tables + TABLE_BYTES * table + WORD_BYTES * byte;
      bytes.setBigUint64(at, transform(pi[byte] ?? 0, table), true);
    }
  }
  for (const [round, constant] of C_ROUNDS.entries()) {
    for (const word of WORDS) {
      const at = PLACE.constants + BLOCK_BYTES * round + WORD_BYTES * word;
      bytes.setBigUint64(at, BigInt.asUintN(64, constant >> BigInt(64 * word)), true);
    }
  }
  return new Uint8Array(bytes.buffer);
}

const WORD_BYTES = 8;
const TABLE_BYTES = 256 * WORD_BYTES;
const WORDS = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** What a substituted byte at a position of a word adds to the linear transformation of the word. */
function transform(byte: number, position: number): bigint {
  let sum = 0n;
  for (let bit = 0; bit < 8; bit++) {
    if ((byte >> bit) & 1) sum ^= A_ROWS[63 - (8 * position + bit)] ?? 0n;
  }
  return sum;
}

const { get, set, i32, i64, load64, store64, xor64 } = wasm;

/** Locals of `mix`, behind its parameters. */
const BLOCK = 0;
const COUNTER = 1;
const ROUND = 2;
const result = (word: number) => 3 + word;
const WORD = 11;

/**
 * Substitution, transposition and linear transformation at once: word `i` of the result is the sum of what the tables
 * have for byte `i` of each word. Key and state wait in memory: what is left fits into the registers of a processor.
 */
function transformWords(word: (index: number) => Code, target: number): Code {
  return [
    ...WORDS.flatMap((from) => [
      ...word(from),
      ...set(WORD),
      ...WORDS.flatMap((to) => [
        ...(from === 0 ? [] : get(result(to))),
        ...tableIndex(to),
        ...load64(PLACE.tables + TABLE_BYTES * from),
        ...(from === 0 ? [] : xor64),
        ...set(result(to)),
      ]),
    ]),
    ...WORDS.flatMap((index) => storeAt(target, index, get(result(index)))),
  ];
}

/** Byte of the word, times the size of a table's entry. */
function tableIndex(byte: number): Code {
  const shift =
    byte === 0 ? [...i64(3), ...wasm.shiftLeft64] : [...i64(8 * byte - 3), ...wasm.shiftRight64];
  return [...get(WORD), ...shift, ...wasm.wrap, ...i32(255 * WORD_BYTES), ...wasm.and32];
}

const loadAt = (place: number, word: number): Code => [
  ...i32(0),
  ...load64(place + WORD_BYTES * word),
];
const loadFrom = (local: number, word: number, place = 0): Code => [
  ...get(local),
  ...load64(place + WORD_BYTES * word),
];

const storeAt = (place: number, word: number, value: Code): Code => [
  ...i32(0),
  ...value,
  ...store64(place + WORD_BYTES * word),
];

function mixBody(): Code {
  const { hash, key, state, constants } = PLACE;
  return [
    ...transformWords((word) => [...loadAt(hash, word), ...loadFrom(COUNTER, word), ...xor64], key),
    ...WORDS.flatMap((word) => storeAt(state, word, loadFrom(BLOCK, word))),
    ...wasm.loop([
      ...transformWords((word) => [...loadAt(state, word), ...loadAt(key, word), ...xor64], state),
      ...transformWords(
        (word) => [...loadAt(key, word), ...loadFrom(ROUND, word, constants), ...xor64],
        key,
      ),
      ...[...get(ROUND), ...i32(BLOCK_BYTES), ...wasm.add32, ...set(ROUND)],
      ...[...get(ROUND), ...i32(BLOCK_BYTES * C_ROUNDS.length), ...wasm.less32],
    ]),
    ...WORDS.flatMap((word) =>
      storeAt(hash, word, [
        ...[...loadAt(hash, word), ...loadFrom(BLOCK, word), ...xor64],
        ...[...loadAt(state, word), ...xor64, ...loadAt(key, word), ...xor64],
      ]),
    ),
  ];
}

/** Locals of `update`, behind its parameters. */
const END = 1;
const TOTAL = 2;
const CARRY = 3;
const ADDEND = 4;

function updateBody(): Code {
  return wasm.loop([
    ...[...get(BLOCK), ...i32(PLACE.counter), ...wasm.call(0)],
    // Files have less than 2^61 bytes: the first word is enough
    ...storeAt(PLACE.counter, 0, [
      ...loadAt(PLACE.counter, 0),
      ...[...i64(8 * BLOCK_BYTES), ...wasm.add64],
    ]),
    ...[...i64(0), ...set(CARRY)],
    ...WORDS.flatMap(addWord),
    ...[...get(BLOCK), ...i32(BLOCK_BYTES), ...wasm.add32, ...set(BLOCK)],
    ...[...get(BLOCK), ...get(END), ...wasm.less32],
  ]);
}

/** Adds a word of the block and the carry to the sum. */
function addWord(word: number): Code {
  const overflow = (addend: number): Code => [
    ...[...get(TOTAL), ...get(addend), ...wasm.add64, ...set(TOTAL)],
    ...[...get(TOTAL), ...get(addend), ...wasm.less64, ...wasm.extend],
  ];
  return [
    ...[...loadFrom(BLOCK, word), ...set(ADDEND), ...loadAt(PLACE.sum, word), ...set(TOTAL)],
    ...[...overflow(ADDEND), ...overflow(CARRY), ...wasm.or64, ...set(CARRY)],
    ...storeAt(PLACE.sum, word, get(TOTAL)),
  ];
}

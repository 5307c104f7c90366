import { A_ROWS, C_ROUNDS, PI_HEX } from "./streebog-constants.ts";
import { type Code, formatModule, wasm } from "./wasm-code.ts";

/**
 * The compression function of Streebog as a WebAssembly module that is put together here: 64-bit arithmetic on tables is
 * several times as fast there as in JavaScript. Numbers of 512 bits are eight words, the lowest first.
 *
 *   0 tables | 16384 constants | hash | counter | sum | zeros | last block | key | state | their offsets | … | 32768 input
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
  keyOffsets: 17_600,
  stateOffsets: 17_728,
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
    { name: "mix", locals: { i32: 1, i64: 1 }, body: mixBody() },
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
      bytes.setBigUint64(at, entryOf(pi[byte] ?? 0, table), true);
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
function entryOf(byte: number, position: number): bigint {
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
const RESULT = 3;

/** Where a number of 512 bits is in memory: `place` behind the address in a local, or behind 0. */
interface Operand {
  readonly local?: number;
  readonly place?: number;
}

/**
 * Substitution, transposition and linear transformation at once: word `i` of the result is the sum of what the tables
 * have for byte `i` of each word. `storeOffsets` turns the bytes of a sum of two numbers into offsets, eight at once:
 * that takes fewer instructions than cutting them out of words. `transform` adds up what lies there. It stores each word
 * when it is complete, or the compiler would put off all sums and run out of registers.
 */
function transform(offsets: number, target: number): Code {
  return WORDS.flatMap((to) => [
    ...WORDS.flatMap((from) => [
      ...(from === 0 ? [] : get(RESULT)),
      ...[...i32(0), ...wasm.load16(offsets + OFFSETS_BYTES * from + 2 * to)],
      ...load64(PLACE.tables + TABLE_BYTES * from),
      ...(from === 0 ? [] : xor64),
      ...set(RESULT),
    ]),
    ...storeAt(target, to, get(RESULT)),
  ]);
}

/** Bytes of the offsets that a word becomes. */
const OFFSETS_BYTES = 2 * WORD_BYTES;

/** Each byte of the sum of two numbers, times the size of a table's entry. */
function storeOffsets(left: Operand, right: Operand, offsets: number): Code {
  return WORDS.flatMap((word) => [
    ...[...i32(0), ...loadOperand(left, word, wasm.loadWidened)],
    ...[...loadOperand(right, word, wasm.loadWidened), ...wasm.xor128],
    ...[...i32(3), ...wasm.shiftLeft16, ...wasm.store128(offsets + OFFSETS_BYTES * word)],
  ]);
}

function loadOperand(
  { local, place = 0 }: Operand,
  word: number,
  load: (offset: number) => Code = load64,
): Code {
  return [...(local === undefined ? i32(0) : get(local)), ...load(place + WORD_BYTES * word)];
}

const storeAt = (place: number, word: number, value: Code): Code => [
  ...i32(0),
  ...value,
  ...store64(place + WORD_BYTES * word),
];

function mixBody(): Code {
  const [hash, key, state] = [{ place: PLACE.hash }, { place: PLACE.key }, { place: PLACE.state }];
  const block = { local: BLOCK };
  const constant = { local: ROUND, place: PLACE.constants };
  return [
    ...storeOffsets(hash, { local: COUNTER }, PLACE.keyOffsets),
    ...transform(PLACE.keyOffsets, PLACE.key),
    ...WORDS.flatMap((word) => storeAt(PLACE.state, word, loadOperand(block, word))),
    // Key and state take turns, so that a processor has something to do while the other one is stored
    ...wasm.loop([
      ...storeOffsets(state, key, PLACE.stateOffsets),
      ...storeOffsets(key, constant, PLACE.keyOffsets),
      ...transform(PLACE.keyOffsets, PLACE.key),
      ...transform(PLACE.stateOffsets, PLACE.state),
      ...[...get(ROUND), ...i32(BLOCK_BYTES), ...wasm.add32, ...set(ROUND)],
      ...[...get(ROUND), ...i32(BLOCK_BYTES * C_ROUNDS.length), ...wasm.less32],
    ]),
    ...WORDS.flatMap((word) =>
      storeAt(PLACE.hash, word, [
        ...loadOperand(hash, word),
        ...[block, state, key].flatMap((operand) => [...loadOperand(operand, word), ...xor64]),
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
      ...loadOperand({ place: PLACE.counter }, 0),
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
    ...[...loadOperand({ local: BLOCK }, word), ...set(ADDEND)],
    ...[...loadOperand({ place: PLACE.sum }, word), ...set(TOTAL)],
    ...[...overflow(ADDEND), ...overflow(CARRY), ...wasm.or64, ...set(CARRY)],
    ...storeAt(PLACE.sum, word, get(TOTAL)),
  ];
}

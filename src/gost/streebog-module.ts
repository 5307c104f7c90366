import { A_ROWS, C_ROUNDS, PI_HEX } from "./streebog-constants.ts";
import { type Code, formatModule, wasm } from "./wasm-code.ts";

/**
 * The compression function of Streebog as a WebAssembly module that is put together here: 64-bit arithmetic on tables is
 * several times as fast there as in JavaScript. Numbers of 512 bits are eight words, the lowest first.
 *
 *   0 tables | 16384 constants | hash | counter | sum | zeros | last block | offsets of keys and states | … | 32768 input
 */
export const PLACE = {
  tables: 0,
  constants: 16_384,
  hash: 17_152,
  counter: 17_216,
  sum: 17_280,
  zeros: 17_344,
  last: 17_408,
  keyOffsets: [17_472, 17_600],
  stateOffsets: [17_728, 17_856],
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
    { name: "mix", locals: { i32: 2, i64: 0, v128: 6 }, body: mixBody() },
    { name: "update", locals: { i32: 0, i64: 3, v128: 0 }, body: updateBody() },
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

const { get, set, i32, i64, load64, load128, store64, store128, xor128 } = wasm;

/** Locals of `mix`, behind its parameters. */
const BLOCK = 0;
const COUNTER = 1;
const ROUND = 2;
const OFFSETS = 3;
const ENTRIES = 4;
const SUM = 5;
const keyOf = (pair: number): number => 6 + pair;

/** Where a number of 512 bits is in memory: `place` behind the address in a local, or behind 0. */
interface Operand {
  readonly local?: number;
  readonly place?: number;
}

/** A number of 512 bits in vectors: two words each. */
const PAIRS = [0, 1, 2, 3] as const;
const PAIR_BYTES = 2 * WORD_BYTES;

/**
 * Substitution, transposition and linear transformation at once: word `i` of the result is the sum of what the tables
 * have for byte `i` of each word. Takes the offsets of these bytes in the tables from memory, and leaves two words of the
 * result. One load gives two offsets, and a vector has two words: the processor's loads are what limits all this.
 */
function transformPair(offsets: number, pair: number): Code {
  return WORDS.flatMap((from) => {
    const table = PLACE.tables + TABLE_BYTES * from;
    return [
      ...[...i32(0), ...wasm.load32(offsets + OFFSETS_BYTES * from + 4 * pair), ...set(OFFSETS)],
      ...[
        ...get(OFFSETS),
        ...i32(0xffff),
        ...wasm.and32,
        ...wasm.loadLow64(table),
        ...set(ENTRIES),
      ],
      ...[...get(OFFSETS), ...i32(16), ...wasm.shiftRight32],
      ...[...get(ENTRIES), ...wasm.loadHigh64(table)],
      ...(from === 0 ? [] : xor128),
    ];
  });
}

/** Bytes of the offsets that a word becomes. */
const OFFSETS_BYTES = 2 * WORD_BYTES;

/**
 * Takes two words and stores each of their bytes times the size of a table's entry: eight at once, which takes fewer
 * instructions than cutting them out of words.
 */
function storeOffsets(words: Code, offsets: number, pair: number): Code {
  const half = (widen: Code, at: number): Code => [
    ...[...i32(0), ...get(SUM), ...widen, ...i32(3), ...wasm.shiftLeft16],
    ...store128(offsets + OFFSETS_BYTES * (2 * pair + at)),
  ];
  return [...words, ...set(SUM), ...half(wasm.widenLow, 0), ...half(wasm.widenHigh, 1)];
}

function loadPair({ local, place = 0 }: Operand, pair: number): Code {
  return [...(local === undefined ? i32(0) : get(local)), ...load128(place + PAIR_BYTES * pair)];
}

function xorPairs(...words: readonly Code[]): Code {
  return words.flatMap((code, index) => (index === 0 ? code : [...code, ...xor128]));
}

/** Transforms the key, adds the constant for the next transformation, and leaves the key itself in locals. */
function keyRound(from: number, to: number, constant: number): Code {
  const operand = { local: ROUND, place: PLACE.constants + BLOCK_BYTES * constant };
  return PAIRS.flatMap((pair) => [
    ...[...transformPair(from, pair), ...set(keyOf(pair))],
    ...storeOffsets(xorPairs(get(keyOf(pair)), loadPair(operand, pair)), to, pair),
  ]);
}

/** Transforms the state and adds the key. */
function stateRound(from: number, to: number): Code {
  return PAIRS.flatMap((pair) =>
    storeOffsets(xorPairs(transformPair(from, pair), get(keyOf(pair))), to, pair),
  );
}

/**
 * Offsets are read at one place and written at another one: two rounds lead back to the first. Key and state take turns,
 * so that a processor has something to do while offsets of the other one are stored.
 */
function mixBody(): Code {
  const [hash, block] = [{ place: PLACE.hash }, { local: BLOCK }];
  const [key, nextKey] = PLACE.keyOffsets;
  const [state, nextState] = PLACE.stateOffsets;
  return [
    ...PAIRS.flatMap((pair) =>
      storeOffsets(
        xorPairs(loadPair(hash, pair), loadPair({ local: COUNTER }, pair)),
        nextKey,
        pair,
      ),
    ),
    ...keyRound(nextKey, key, 0),
    ...PAIRS.flatMap((pair) =>
      storeOffsets(xorPairs(loadPair(block, pair), get(keyOf(pair))), state, pair),
    ),
    // The rounds 1 to 10 of 12, then 11 and what is left of 12
    ...wasm.loop([
      ...[...keyRound(key, nextKey, 1), ...stateRound(state, nextState)],
      ...[...keyRound(nextKey, key, 2), ...stateRound(nextState, state)],
      ...[...get(ROUND), ...i32(2 * BLOCK_BYTES), ...wasm.add32, ...set(ROUND)],
      ...[...get(ROUND), ...i32(BLOCK_BYTES * (C_ROUNDS.length - 2)), ...wasm.less32],
    ]),
    ...[...keyRound(key, nextKey, 1), ...stateRound(state, nextState)],
    ...PAIRS.flatMap((pair) => [
      ...i32(0),
      ...xorPairs(
        transformPair(nextKey, pair),
        transformPair(nextState, pair),
        loadPair(hash, pair),
        loadPair(block, pair),
      ),
      ...store128(PLACE.hash + PAIR_BYTES * pair),
    ]),
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
    ...storeWord(PLACE.counter, 0, [
      ...loadWord({ place: PLACE.counter }, 0),
      ...[...i64(8 * BLOCK_BYTES), ...wasm.add64],
    ]),
    ...[...i64(0), ...set(CARRY)],
    ...WORDS.flatMap(addWord),
    ...[...get(BLOCK), ...i32(BLOCK_BYTES), ...wasm.add32, ...set(BLOCK)],
    ...[...get(BLOCK), ...get(END), ...wasm.less32],
  ]);
}

function loadWord({ local, place = 0 }: Operand, word: number): Code {
  return [...(local === undefined ? i32(0) : get(local)), ...load64(place + WORD_BYTES * word)];
}

const storeWord = (place: number, word: number, value: Code): Code => [
  ...i32(0),
  ...value,
  ...store64(place + WORD_BYTES * word),
];

/** Adds a word of the block and the carry to the sum. */
function addWord(word: number): Code {
  const overflow = (addend: number): Code => [
    ...[...get(TOTAL), ...get(addend), ...wasm.add64, ...set(TOTAL)],
    ...[...get(TOTAL), ...get(addend), ...wasm.less64, ...wasm.extend],
  ];
  return [
    ...[...loadWord({ local: BLOCK }, word), ...set(ADDEND)],
    ...[...loadWord({ place: PLACE.sum }, word), ...set(TOTAL)],
    ...[...overflow(ADDEND), ...overflow(CARRY), ...wasm.or64, ...set(CARRY)],
    ...storeWord(PLACE.sum, word, get(TOTAL)),
  ];
}

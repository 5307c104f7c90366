import { checkOptions } from "./check-options.ts";
import { OptionInvalidError } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

export interface ParseByteSizeOptions {
  /** Unit of a bare number. */
  readonly defaultUnit: "B" | "MB" | "GB";
  /** The option that the size is for: errors name it. */
  readonly option: string;
}

/** `4GiB` → 4294967296, `700MB` → 700000000; a bare number has the default unit; fractions are allowed. */
export function parseByteSize(text: string, options: ParseByteSizeOptions): number {
  checkOptions(options, { defaultUnit: "text", option: "text" });
  checkOptions({ text }, { text: "text" });
  const { defaultUnit, option } = options;
  const [, number, unit = defaultUnit] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)?\s*$/.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new OptionInvalidError(option, `"${text}" is not a size`, {
      hint: `Write a number of ${defaultUnit}, or a number with a unit: 4GB, 3.5GiB, 700MB`,
    });
  }
  return bytes;
}

/** A run of bytes inside one file of a package. */
export interface FileSlice {
  /** Position of the file in the package's list. */
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

/** Where each file of a package starts in it; one more than there are files: the last is the size of the package. */
export function startsOf(files: readonly { readonly size: number }[]): number[] {
  const starts = [0];
  for (const { size } of files) starts.push((starts.at(-1) ?? 0) + size);
  return starts;
}

/** Cuts the byte range [start, end) of a package at every file border that it crosses; what lies beyond is left out. */
export function sliceByFile(
  { start, end }: { readonly start: number; readonly end: number },
  starts: readonly number[],
): FileSlice[] {
  const slices: FileSlice[] = [];
  for (let position = start, file = findFile(start, starts); position < end; file++) {
    const [from, to] = [starts[file], starts[file + 1]];
    if (from === undefined || to === undefined) break;
    const length = Math.min(end, to) - position;
    if (length > 0) slices.push({ file, offset: position - from, length });
    position += length;
  }
  return slices;
}

/** The file that holds a position; empty files hold none. */
export function findFile(position: number, starts: readonly number[]): number {
  let [low, high] = [0, starts.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}

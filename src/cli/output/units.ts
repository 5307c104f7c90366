const UNITS = ["kB", "MB", "GB", "TB", "PB"] as const;

/** Decimal, as chunk sizes and media are sold: `999 B`, `1.5 kB`, `14.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = "B";
  for (const next of UNITS) {
    // 999.95 would be written as 1000.0
    if (value < 999.95 && unit !== "B") break;
    value /= 1000;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `45 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${padded(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${padded(minutes % 60)} min`;
}

/** `1 file`, `3 files`. */
export function formatCount(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? "" : "s"}`;
}

/** Share of the whole, never 100 % before the last byte. */
export function formatShare(done: number, total: number): string {
  if (total <= 0) return "100%";
  return `${Math.min(100, Math.floor((done / total) * 100))}%`;
}

function padded(value: number): string {
  return String(value).padStart(2, "0");
}

/**
 * Streebog-256 on one thread, beside Debian's `gost12sum` where it is installed:
 * `npm run build && node test/bench/streebog.mjs`. Rounds take turns, the figures are of processor time.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Streebog256 } from "../../dist/gost/streebog.js";

const MEGABYTES = 64;
const ROUNDS = 10;

const bytes = Buffer.alloc(MEGABYTES * 1e6);
for (let at = 0; at < bytes.length; at += 4) bytes.writeInt32LE((at * 2_654_435_761) | 0, at);
const directory = mkdtempSync(join(tmpdir(), "streebog-"));
const file = join(directory, "bytes");
writeFileSync(file, bytes);

const programs = new Map([
  ["mirror", ownSeconds],
  ["gost12sum", peerSeconds],
]);
const rates = new Map();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, measure] of programs) {
    const seconds = measure();
    if (seconds === undefined) programs.delete(name);
    else rates.set(name, [...(rates.get(name) ?? []), MEGABYTES / seconds]);
  }
}
rmSync(directory, { recursive: true });

for (const [name, values] of rates) {
  values.sort((left, right) => left - right);
  const [slowest, median, fastest] = [0, ROUNDS >> 1, ROUNDS - 1].map((at) =>
    values[at].toFixed(1),
  );
  process.stdout.write(
    `Streebog-256 of ${name}: ${median} MB/s of one core (${slowest} to ${fastest})\n`,
  );
}

function ownSeconds() {
  const start = process.cpuUsage();
  new Streebog256().update(bytes).digest();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** `undefined` if the program is not installed. */
function peerSeconds() {
  const script = 'type gost12sum >/dev/null && gost12sum "$1" >/dev/null && times';
  const { status, stdout } = spawnSync("bash", ["-c", script, "-", file], { encoding: "utf8" });
  if (status !== 0) return undefined;
  // The second line has user and system time of what the shell started
  const times = stdout
    .trim()
    .split("\n")[1]
    .matchAll(/(\d+)m([\d.]+)s/g);
  return [...times].reduce((sum, [, minutes, seconds]) => sum + 60 * minutes + Number(seconds), 0);
}

/** Streebog-256 of data in memory, on one thread: `npm run build && node test/bench/streebog.mjs`. */
import { Streebog256 } from "../../dist/gost/streebog.js";

const MEGABYTES = 64;
const ROUNDS = 10;

const bytes = Buffer.alloc(MEGABYTES * 1e6);
for (let at = 0; at < bytes.length; at += 4) bytes.writeInt32LE((at * 2_654_435_761) | 0, at);

const rates = Array.from({ length: ROUNDS }, () => {
  const start = process.cpuUsage();
  new Streebog256().update(bytes).digest();
  const { user, system } = process.cpuUsage(start);
  return MEGABYTES / ((user + system) / 1e6);
}).sort((left, right) => left - right);

const [slowest, median, fastest] = [0, ROUNDS >> 1, ROUNDS - 1].map((at) => rates[at].toFixed(1));
process.stdout.write(`Streebog-256: ${median} MB/s of one core (${slowest} to ${fastest})\n`);

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { print } from "./programs.mjs";

/** A ratio may be this many times the recorded one. */
const TOLERANCE = 1.2;

/** How mirror stands beside others in this run, by what was measured: 1 is as they do, less is better. */
export class Ratios {
  #noted = {};

  note(label, ratio) {
    this.#noted[label] = ratio;
  }

  /** Keeps them, beside those of other cases that the file has; in one order, and without digits that say nothing. */
  record(path) {
    const kept = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
    const all = Object.entries({ ...kept, ...this.#noted });
    const sorted = all.sort(([left], [right]) => (left < right ? -1 : 1));
    const rounded = sorted.map(([label, ratio]) => [label, Number(ratio.toFixed(3))]);
    writeFileSync(path, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  }

  /** Fails where one is worse than it was, and where there is none to compare with. */
  check(path) {
    const recorded = JSON.parse(readFileSync(path, "utf8"));
    const known = Object.entries(this.#noted).filter(([label]) => recorded[label] !== undefined);
    for (const [label, ratio] of known) {
      const before = recorded[label];
      const isWorse = ratio > before * TOLERANCE;
      const figures = `${ratio.toFixed(2)}, was ${before.toFixed(2)}`;
      print(`${isWorse ? "WORSE" : "ok   "} ${label}: ${figures}`);
      if (isWorse) process.exitCode = 1;
    }
    if (known.length > 0) return;
    print("WORSE nothing: none of the ratios of this run is recorded");
    process.exitCode = 1;
  }
}

import { createHash, type Hash } from "node:crypto";
import type { HashStep, HashStepResult } from "./content-hasher.ts";
import { serveRequests } from "./serve-requests.ts";

const running = new Map<number, Hash>();

serveRequests<HashStep, HashStepResult>(
  ({ id, algorithm, bytes }) => {
    const hash = running.get(id) ?? createHash(algorithm);
    if (bytes === undefined) {
      running.delete(id);
      return hash.digest("hex");
    }
    running.set(id, hash.update(bytes));
    return bytes;
  },
  (result) => (typeof result === "string" ? [] : [result.buffer as ArrayBuffer]),
);

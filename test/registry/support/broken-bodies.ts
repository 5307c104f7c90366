import type { Faults } from "../../support/registry.ts";

const MIB = 1024 * 1024;

/** Ways in which a body of more than 3 MiB ends too early, and the rest can be had. */
export const BROKEN_BODIES: readonly (readonly [string, Faults])[] = [
  ["ends early", { drop: { afterBytes: 2 * MIB, how: "eof", times: 1 } }],
  ["stalls", { drop: { afterBytes: 2 * MIB, how: "stall", times: 1 } }],
  ["ends early again and again", { drop: { afterBytes: MIB, how: "eof", times: 3 } }],
  [
    "ends early and the storage address works once",
    { drop: { afterBytes: 2 * MIB, how: "eof", times: 1 }, redirect: { reuse: 403 } },
  ],
];

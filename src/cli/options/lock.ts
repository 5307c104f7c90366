import type { FlagTable } from "./flag.ts";

/** What was found once, in place of what is there now. */
export const LOCK_FLAGS = {
  plan: {
    type: "string",
    describe: "Take exactly what this lock pins (made with mirror plan --out FILE)",
    group: "Selection:",
  },
} as const satisfies FlagTable;

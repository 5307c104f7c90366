import type { FlagTable } from "./flag.ts";

/** What images have to be signed with. */
export const SIGNATURE_FLAGS = {
  "require-signature": {
    type: "list",
    describe:
      "Refuse images without a valid signature: [PATTERN=]FILE with a public key, or [PATTERN=]none; repeatable",
    group: "Signatures:",
  },
} as const satisfies FlagTable;

import { formatCanonicalPieces } from "../../bundle/format/canonical-json.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import type { Receipt } from "./receipt.ts";

/** Writes a receipt as canonical JSON. */
export async function writeReceipt(path: string, receipt: Receipt): Promise<void> {
  await writeFileAtomically(path, formatCanonicalPieces(receipt));
}

import { readSignatureRules, type SignatureRule } from "../../index.ts";
import type { FlagValues } from "../options/flag.ts";
import type { SIGNATURE_FLAGS } from "../options/signatures.ts";

/** Reads the files that the rules name. */
export async function toSignatureOptions(
  flags: FlagValues<typeof SIGNATURE_FLAGS>,
): Promise<{ readonly requireSignatures?: readonly SignatureRule[] }> {
  const texts = flags["require-signature"];
  return texts === undefined ? {} : { requireSignatures: await readSignatureRules(texts) };
}

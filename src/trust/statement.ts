import { type Digest, parseDigest } from "../oci/digest.ts";
import { parseStrictJson } from "../oci/strict-json.ts";

export const STATEMENT_TYPE = "application/vnd.in-toto+json";

/** What cosign says with a signature; any other statement says something about an image, and not that it may be used. */
const SIGNING_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** Throws an `Error` unless the statement is a signature of the image (in-toto attestation framework, "Statement"). */
export function requireSigningOf(payload: Buffer, image: Digest): void {
  const document = parseStrictJson(payload, "the statement") as Statement | null;
  const { _type: type, predicateType, subject } = document ?? {};
  if (typeof type !== "string" || !type.startsWith("https://in-toto.io/Statement/")) {
    throw new Error("what is signed is no statement");
  }
  if (predicateType !== SIGNING_PREDICATE) {
    throw new Error(`it is a statement of type "${String(predicateType)}", and not a signature`);
  }
  const { algorithm, encoded } = parseDigest(image);
  const subjects = Array.isArray(subject) ? (subject as readonly Subject[]) : [];
  if (subjects.some((one) => one?.digest?.[algorithm] === encoded)) return;
  const others = subjects.map((one) => `${algorithm}:${String(one?.digest?.[algorithm])}`);
  throw new Error(`it is about ${others.slice(0, 3).join(", ") || "nothing"}`);
}

interface Statement {
  readonly _type?: unknown;
  readonly predicateType?: unknown;
  readonly subject?: unknown;
}

interface Subject {
  readonly digest?: Readonly<Record<string, unknown>>;
}

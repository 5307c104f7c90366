import { createHash, X509Certificate } from "node:crypto";
import { parseStrictJson } from "../oci/strict-json.ts";
import { type Bundle, parseBundle } from "./sigstore.ts";
import { SIMPLE_SIGNING_ANNOTATION } from "./simple-signing.ts";

interface AnnotatedSignature {
  readonly annotations: Readonly<Record<string, string>>;
  readonly content: Buffer;
  readonly signature: Buffer;
}

/** What cosign up to version 2 writes around a signature with a certificate, as the bundle that it is today. */
export async function toMessageBundle(stored: AnnotatedSignature): Promise<Bundle> {
  const { annotations, content, signature } = stored;
  const certificate = annotations[SIMPLE_SIGNING_ANNOTATION.certificate];
  if (!certificate) throw new Error("it was made with a key, and not with a certificate");
  const log = annotations[SIMPLE_SIGNING_ANNOTATION.log];
  return await parseBundle({
    mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
    verificationMaterial: {
      x509CertificateChain: {
        certificates: [{ rawBytes: new X509Certificate(certificate).raw.toString("base64") }],
      },
      tlogEntries: log ? [toLogEntry(parseStrictJson(Buffer.from(log), "its entry of a log"))] : [],
      ...timestampsOf(annotations[SIMPLE_SIGNING_ANNOTATION.timestamp]),
    },
    messageSignature: {
      messageDigest: {
        algorithm: "SHA2_256",
        digest: createHash("sha256").update(content).digest("base64"),
      },
      signature: signature.toString("base64"),
    },
  });
}

/** The promise of a log, as its server has answered it. */
interface LogPromise {
  readonly SignedEntryTimestamp?: unknown;
  readonly Payload?: {
    readonly body?: unknown;
    readonly integratedTime?: unknown;
    readonly logIndex?: unknown;
    readonly logID?: unknown;
  };
}

function toLogEntry(promise: unknown) {
  const { SignedEntryTimestamp: signed, Payload: payload } = (promise ?? {}) as LogPromise;
  const { body, integratedTime, logIndex, logID } = payload ?? {};
  const entry = parseStrictJson(Buffer.from(String(body), "base64"), "its entry of a log") as {
    readonly kind?: unknown;
    readonly apiVersion?: unknown;
  } | null;
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(String(logID), "hex").toString("base64") },
    kindVersion: { kind: String(entry?.kind), version: String(entry?.apiVersion) },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: String(signed) },
    canonicalizedBody: String(body),
  };
}

function timestampsOf(annotation: string | undefined) {
  if (!annotation) return {};
  const document = parseStrictJson(Buffer.from(annotation), "its time stamp") as {
    readonly SignedRFC3161Timestamp?: unknown;
  } | null;
  const signedTimestamp = String(document?.SignedRFC3161Timestamp);
  return { timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp }] } };
}

import { parseStrictJson } from "../oci/strict-json.ts";

/** What cosign signs before it uses bundles: a small document that names the image ("Red Hat simple signing"). */
export const SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";

/** Annotations of the layer whose content is such a document (cosign, SIGNATURE_SPEC.md). */
export const SIMPLE_SIGNING_ANNOTATION = {
  signature: "dev.cosignproject.cosign/signature",
  certificate: "dev.sigstore.cosign/certificate",
  chain: "dev.sigstore.cosign/chain",
  log: "dev.sigstore.cosign/bundle",
  timestamp: "dev.sigstore.cosign/rfc3161timestamp",
} as const;

const PAYLOAD_KIND = "cosign container image signature";

export interface SigningPayload {
  /** Of the image that is signed. */
  readonly digest: string;
  /** The name that the image had for its signer. */
  readonly reference?: string;
}

/** Throws an `Error` for what is no such document. */
export function parsePayload(bytes: Buffer): SigningPayload {
  const document = parseStrictJson(bytes, "the signed document") as Document | null;
  const { type, image, identity } = document?.critical ?? {};
  if (type !== PAYLOAD_KIND) throw new Error(`what is signed is no "${PAYLOAD_KIND}"`);
  const digest = image?.["docker-manifest-digest"];
  if (typeof digest !== "string") throw new Error("what is signed names no digest");
  const reference = identity?.["docker-reference"];
  return { digest, ...(typeof reference === "string" && reference !== "" ? { reference } : {}) };
}

interface Document {
  readonly critical?: {
    readonly type?: unknown;
    readonly image?: Readonly<Record<string, unknown>>;
    readonly identity?: Readonly<Record<string, unknown>>;
  };
}

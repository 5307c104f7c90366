import { createHash } from "node:crypto";
import { fitsPattern } from "../name-pattern.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseStrictJson } from "../oci/strict-json.ts";
import { toMessageBundle } from "./message-bundle.ts";
import type { Signer } from "./policy.ts";
import { isSignedWith } from "./public-key.ts";
import { type Bundle, parseBundle, verifyCertified } from "./sigstore.ts";
import { parsePayload, SIMPLE_SIGNING_ANNOTATION, SIMPLE_SIGNING_TYPE } from "./simple-signing.ts";
import { requireSigningOf, STATEMENT_TYPE } from "./statement.ts";

/** A signature as it is stored: a layer of a manifest that belongs to the image. */
export interface StoredSignature {
  readonly layer: Descriptor;
  readonly content: Buffer;
}

/** The manifest or index that is to be signed. */
export interface SignedManifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export interface Judgement {
  /** The name that the image had for its signer, where the signature says one. */
  readonly reference?: string;
  /** Who was certified, where it is no key. */
  readonly identity?: string;
}

/** Of bundles, all that name their version: a newer one is refused by whoever reads it. */
const BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle[.+]/;

export function isSignatureType(mediaType: string): boolean {
  return mediaType === SIMPLE_SIGNING_TYPE || BUNDLE_TYPE.test(mediaType);
}

/** Throws an `Error` that says why the signature does not count, unless the signer has signed the manifest with it. */
export async function judgeSignature(
  stored: StoredSignature,
  manifest: SignedManifest,
  signer: Signer,
): Promise<Judgement> {
  return stored.layer.mediaType === SIMPLE_SIGNING_TYPE
    ? await judgeSimple(stored, manifest, signer)
    : await judgeBundle(stored, manifest, signer);
}

async function judgeSimple(
  { layer, content }: StoredSignature,
  { digest }: SignedManifest,
  signer: Signer,
): Promise<Judgement> {
  const { annotations = {} } = layer;
  const text = annotations[SIMPLE_SIGNING_ANNOTATION.signature];
  if (text === undefined || text === "") throw new Error("it has no signature");
  const signature = Buffer.from(text, "base64");
  const by =
    signer.kind === "key"
      ? await requireKey(signer, content, signature)
      : await requireIdentity(
          signer,
          toMessageBundle({ annotations, content, signature }),
          content,
        );
  const payload = parsePayload(content);
  if (payload.digest !== digest) throw new Error(`it is about ${payload.digest}`);
  return { ...by, ...(payload.reference ? { reference: payload.reference } : {}) };
}

async function judgeBundle(
  { content }: StoredSignature,
  { digest, bytes }: SignedManifest,
  signer: Signer,
): Promise<Judgement> {
  const document = parseStrictJson(content, "the bundle");
  const bundle = await parseBundle(document);
  const { content: signed, verificationMaterial } = bundle;
  if (signer.kind === "key" && verificationMaterial.content.$case !== "publicKey") {
    throw new Error("it was made with a certificate, and not with a key");
  }
  if (signer.kind === "identity" && verificationMaterial.content.$case === "publicKey") {
    throw new Error("it was made with a key, and not with a certificate");
  }
  if (signed.$case === "messageSignature") {
    const { messageDigest, signature } = signed.messageSignature;
    const found = createHash("sha256").update(bytes).digest();
    if (!messageDigest.digest.equals(found)) {
      throw new Error(`it is about sha256:${messageDigest.digest.toString("hex")}`);
    }
    if (signer.kind === "key") return await requireKey(signer, bytes, signature);
    return await requireIdentity(signer, bundle, bytes);
  }
  const { payload, payloadType, signatures } = signed.dsseEnvelope;
  if (payloadType !== STATEMENT_TYPE) throw new Error(`what is signed is a "${payloadType}"`);
  const [signature] = signatures;
  if (signature === undefined) throw new Error("it has no signature");
  const by =
    signer.kind === "key"
      ? await requireKey(signer, encodeEnvelope(payloadType, payload), signature.sig)
      : await requireIdentity(signer, bundle, payload);
  requireSigningOf(payload, digest);
  return by;
}

/** The bytes that an envelope signs (DSSE, "Pre-Authentication Encoding"). */
function encodeEnvelope(payloadType: string, payload: Buffer): Buffer {
  const length = Buffer.byteLength(payloadType);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}

type KeySigner = Extract<Signer, { readonly kind: "key" }>;
type IdentitySigner = Extract<Signer, { readonly kind: "identity" }>;

async function requireKey(
  { key }: KeySigner,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<Judgement> {
  if (await isSignedWith(key, data, signature)) return {};
  throw new Error("another key has made it, or what is signed was changed");
}

async function requireIdentity(
  { issuer, identity, material }: IdentitySigner,
  bundle: Bundle | Promise<Bundle>,
  artifact: Buffer,
): Promise<Judgement> {
  const signer = await verifyCertified(await bundle, { artifact, material });
  if (signer.issuer !== issuer) {
    throw new Error(`"${signer.issuer}" vouches for its signer, and not "${issuer}"`);
  }
  if (!fitsPattern(identity, signer.identity)) {
    throw new Error(`its signer is "${signer.identity}", and not "${identity}"`);
  }
  return { identity: signer.identity };
}

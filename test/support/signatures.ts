import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { EmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { bufferContent } from "../../src/server/memory-content.ts";
import type { NamedManifest } from "../../src/trust/check-signatures.ts";
import { SIMPLE_SIGNING_TYPE } from "../../src/trust/simple-signing.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const FOLDER = new URL("../../fixtures/signatures", import.meta.url).pathname;

/** An image and its signature, as a program has stored them (fixtures/signatures/make.mjs). */
export interface SignedImage {
  readonly tool: string;
  readonly publicKey: string;
  /** Manifest of the image. */
  readonly image: string;
  /** Manifests by tag. */
  readonly tags: Readonly<Record<string, string>>;
  /** Manifests with a subject. */
  readonly referrers: readonly string[];
  readonly blobs: readonly string[];
}

/** `tag-p-256` and so on: those that a key has made. */
export const SIGNED_WITH_KEY: readonly string[] = readdirSync(FOLDER)
  .filter((name) => /^(?:tag|referrer|bundle)-.*\.json$/.test(name))
  .map((name) => name.replace(".json", ""))
  .sort();

export function readSigned(name: string): SignedImage {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as SignedImage;
}

export interface SigningKey {
  readonly privateKey: KeyObject;
  /** PEM */
  readonly publicKey: string;
}

export function createKey(namedCurve = "P-256"): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  return { privateKey, publicKey: String(publicKey.export({ type: "spki", format: "pem" })) };
}

interface SignOptions {
  /** What is stored is not what was signed. */
  readonly stored?: string;
}

/** A signature as cosign up to version 2 stores it; `payload` is what is signed. */
export function signSimply(
  image: string,
  { privateKey, publicKey }: SigningKey,
  {
    payload = simplePayload(digestOf(image)),
    stored = payload,
  }: SignOptions & { payload?: string } = {},
): SignedImage {
  const signature = sign("sha256", Buffer.from(payload), privateKey).toString("base64");
  const annotations = { "dev.cosignproject.cosign/signature": signature };
  const layer = { ...describeText(SIMPLE_SIGNING_TYPE, stored), annotations };
  const config = describeText(MEDIA_TYPE.imageConfig, "{}");
  const tag = formatCosignTag({ subject: digestOf(image), suffix: "sig" });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    config,
    layers: [layer],
  };
  const tags = { [tag]: JSON.stringify(manifest) };
  return { tool: "", publicKey, image, tags, referrers: [], blobs: ["{}", stored] };
}

export function simplePayload(digest: string, type = "cosign container image signature"): string {
  const identity = { "docker-reference": "registry.example.com/acme/app" };
  return JSON.stringify({
    critical: { identity, image: { "docker-manifest-digest": digest }, type },
  });
}

/** A signature as a bundle of sigstore with one statement. */
export function signStatement(
  image: string,
  { privateKey, publicKey }: SigningKey,
  {
    payload = statement(digestOf(image)),
    stored = payload,
  }: SignOptions & { payload?: string } = {},
): SignedImage {
  const type = "application/vnd.in-toto+json";
  const signed = `DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  const sig = sign("sha256", Buffer.from(signed), privateKey).toString("base64");
  const dsseEnvelope = {
    payload: Buffer.from(stored).toString("base64"),
    payloadType: type,
    signatures: [{ sig }],
  };
  return withBundle(image, publicKey, { dsseEnvelope });
}

/** A signature as a bundle of sigstore over the manifest itself. */
export function signMessage(
  image: string,
  { privateKey, publicKey }: SigningKey,
  { stored = image }: SignOptions = {},
): SignedImage {
  const signature = sign("sha256", Buffer.from(image), privateKey).toString("base64");
  const digest = Buffer.from(digestOf(stored).slice("sha256:".length), "hex").toString("base64");
  const messageDigest = { algorithm: "SHA2_256", digest };
  return withBundle(stored, publicKey, { messageSignature: { messageDigest, signature } });
}

export function statement(
  digest: string,
  predicateType = "https://sigstore.dev/cosign/sign/v1",
): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  const subject = [{ digest: { [algorithm]: encoded } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType });
}

/** `content` is stored as the bundle of a referrer of the image. */
export function withBundle(
  image: string,
  publicKey: string,
  content: Readonly<Record<string, unknown>>,
): SignedImage {
  const verificationMaterial = { publicKey: { hint: "key" } };
  const bundle = JSON.stringify({ mediaType: BUNDLE, verificationMaterial, ...content });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    artifactType: BUNDLE,
    config: describeText(MEDIA_TYPE.emptyConfig, "{}"),
    layers: [describeText(BUNDLE, bundle)],
    subject: describeText(MEDIA_TYPE.imageManifest, image),
  });
  return { tool: "", publicKey, image, tags: {}, referrers: [manifest], blobs: ["{}", bundle] };
}

/** The signature of one image beside another one. */
export function transplant(signed: SignedImage, image: string): SignedImage {
  const tags = Object.fromEntries(
    Object.values(signed.tags).map((text) => [
      formatCosignTag({ subject: digestOf(image), suffix: "sig" }),
      text,
    ]),
  );
  const referrers = signed.referrers.map((text) => {
    const { subject, ...others } = JSON.parse(text);
    return JSON.stringify({ ...others, subject: { ...subject, ...coreOfText(image) } });
  });
  return { ...signed, image, tags, referrers };
}

/** As a plan or a bundle has them. */
export function manifestsOf(signed: SignedImage, repository = "acme/app"): NamedManifest[] {
  const contents = new Map<Digest, Buffer>();
  const all = [signed.image, ...Object.values(signed.tags), ...signed.referrers, ...signed.blobs];
  for (const text of all) contents.set(digestOf(text), Buffer.from(text));
  const read = async ({ digest }: Descriptor) => {
    const bytes = contents.get(digest);
    if (bytes === undefined) throw new Error(`${digest} is not there`);
    return bytes;
  };
  const subject = digestOf(signed.image);
  const belonging = { repository, subject, read };
  return [
    { repository, tags: ["v1"], root: coreOfText(signed.image), read },
    ...Object.entries(signed.tags).map(([tag, text]) => {
      return { ...belonging, tags: [tag], root: coreOfText(text) };
    }),
    ...signed.referrers.map((text) => ({ ...belonging, tags: [], root: coreOfText(text) })),
  ];
}

export function seedSignedImage(
  registry: Pick<EmbeddedRegistry, "content">,
  repository: string,
  signed: SignedImage,
): void {
  const { blobs, manifests, tags } = registry.content.repository(repository);
  // All are signatures of the one image that is signed there
  const [config = ""] = readSigned("tag-p-256").blobs;
  for (const text of [config, ...signed.blobs]) {
    blobs.set(digestOf(text), bufferContent(Buffer.from(text)));
  }
  const enter = (text: string, ...names: string[]) => {
    const digest = digestOf(text);
    manifests.set(digest, { mediaType: MEDIA_TYPE.imageManifest, bytes: Buffer.from(text) });
    for (const name of names) tags.set(name, digest);
  };
  enter(signed.image, "v1");
  for (const [tag, text] of Object.entries(signed.tags)) enter(text, tag);
  for (const text of signed.referrers) enter(text);
}

function coreOfText(text: string): Descriptor {
  return describeText(MEDIA_TYPE.imageManifest, text);
}

function describeText(mediaType: string, text: string): Descriptor {
  return { mediaType, digest: digestOf(text), size: Buffer.byteLength(text) };
}

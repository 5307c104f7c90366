import { describe, expect, test } from "vitest";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import { digestOf } from "../../src/oci/digest.ts";
import {
  checkSignatures,
  type NamedManifest,
  requireSigned,
} from "../../src/trust/check-signatures.ts";
import { parsePolicy } from "../../src/trust/policy.ts";
import type { SignatureRule } from "../../src/trust/signature-rule.ts";
import {
  createKey,
  manifestsOf,
  readSigned,
  SIGNED_WITH_KEY,
  type SignedImage,
  signMessage,
  signSimply,
  signStatement,
  simplePayload,
  statement,
  transplant,
  withBundle,
} from "../support/signatures.ts";

const IMAGE = '{"schemaVersion":2,"config":{},"layers":[]}';
const OTHER = '{"schemaVersion":2,"config":{},"layers":[],"annotations":{}}';
const KEY = createKey();

describe.each(SIGNED_WITH_KEY)("what cosign has stored (%s)", (name) => {
  const signed = readSigned(name);

  test("is accepted with the key that has made it", async () => {
    const { accepted, refused } = await check(signed);
    expect(refused).toEqual([]);
    const [sig] = [...Object.values(signed.tags), ...signed.referrers];
    expect(accepted).toMatchObject([
      { repository: "acme/app", tags: ["v1"], digest: digestOf(signed.image), signer: "key.pub" },
    ]);
    expect(accepted[0]?.signature).toBe(digestOf(sig ?? ""));
    // Where the signature names the image, that is told
    const reference = expect.stringMatching(/^127\.0\.0\.1:\d+\/acme\//);
    if (!name.startsWith("bundle")) expect(accepted).toMatchObject([{ reference }]);
  });

  test("is refused with another key", async () => {
    expect(await reasonsOf(signed, createKey().publicKey)).toEqual([
      expect.stringContaining("another key has made it"),
    ]);
  });

  test("is refused as the signature of another image", async () => {
    const reasons = await reasonsOf(transplant(signed, OTHER));
    expect(reasons).toEqual([expect.stringContaining(`it is about ${digestOf(signed.image)}`)]);
  });
});

describe("a signature is refused, and the reason told, that", () => {
  const attestation = "https://slsa.dev/provenance/v1";
  const digest = digestOf(IMAGE);

  test.each<[string, SignedImage, string]>([
    ["was changed", signSimply(IMAGE, KEY, { stored: simplePayload(digest, "x") }), "changed"],
    [
      "is about another digest",
      signSimply(IMAGE, KEY, { payload: simplePayload(digestOf(OTHER)) }),
      `it is about ${digestOf(OTHER)}`,
    ],
    [
      "is of another kind",
      signSimply(IMAGE, KEY, { payload: simplePayload(digest, "x") }),
      "cosign container image signature",
    ],
    ["names its digest twice", signSimply(IMAGE, KEY, { payload: twice(digest) }), "twice"],
    [
      "signs nothing that is known",
      signSimply(IMAGE, KEY, { payload: "null" }),
      "what is signed is no",
    ],
    ["signs what is no JSON", signSimply(IMAGE, KEY, { payload: "<html>" }), "it is not JSON"],
    [
      "is a statement that was changed",
      signStatement(IMAGE, KEY, { stored: statement(digestOf(OTHER)) }),
      "changed",
    ],
    [
      "is a statement about another digest",
      signStatement(IMAGE, KEY, { payload: statement(digestOf(OTHER)) }),
      `it is about ${digestOf(OTHER)}`,
    ],
    [
      "is a statement about nothing",
      signStatement(IMAGE, KEY, {
        payload:
          '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://sigstore.dev/cosign/sign/v1"}',
      }),
      "it is about nothing",
    ],
    [
      "says something about an image, and not that it may be used",
      signStatement(IMAGE, KEY, { payload: statement(digest, attestation) }),
      attestation,
    ],
    [
      "is a message about another image",
      signMessage(IMAGE, KEY, { stored: OTHER }),
      "another key has made it",
    ],
    ["is an empty bundle", withBundle(IMAGE, KEY.publicKey, {}), "invalid bundle"],
    [
      "is a bundle with two signatures",
      withBundle(IMAGE, KEY.publicKey, {
        dsseEnvelope: {
          payload: "e30=",
          payloadType: "x",
          signatures: [{ sig: "AA==" }, { sig: "AA==" }],
        },
      }),
      "invalid bundle",
    ],
    [
      "is no signature at all",
      withBundle(IMAGE, KEY.publicKey, {
        dsseEnvelope: { payload: "e30=", payloadType: "x", signatures: [{ sig: "AA==" }] },
      }),
      'what is signed is a "x"',
    ],
    ["was made with a certificate", withCertificate(), "made with a certificate"],
  ])("%s", async (_, signed, reason) => {
    const [found, ...others] = await reasonsOf(signed);
    expect(found).toContain(reason);
    expect(others).toEqual([]);
  });

  test("is larger than any signature, which is not even read", async () => {
    const signed = signStatement(IMAGE, KEY);
    const [image, follower] = manifestsOf(signed);
    const huge = 5 * 1024 * 1024;
    const text = (signed.referrers[0] ?? "").replace(/"size":\d{3},?/, `"size":${huge}`);
    const large: NamedManifest = {
      ...(follower as NamedManifest),
      root: { ...(follower as NamedManifest).root, digest: digestOf(text), size: text.length },
      read: async ({ digest: wanted }) => {
        if (wanted !== digestOf(text)) throw new Error(`${wanted} is read`);
        return Buffer.from(text);
      },
    };
    const { refused } = await checkAll([image as NamedManifest, large]);
    expect(refused[0]?.reasons).toEqual([expect.stringContaining(`it has ${huge} bytes`)]);
  });

  test("lies in a format that is not read", async () => {
    const [manifest = ""] = withBundle(IMAGE, KEY.publicKey, {}).referrers;
    const type = "application/vnd.cncf.notary.signature";
    const text = manifest.replaceAll("application/vnd.dev.sigstore.bundle.v0.3+json", type);
    const reasons = await reasonsOf({ ...signStatement(IMAGE, KEY), referrers: [text] });
    expect(reasons).toEqual([expect.stringContaining(type)]);
  });
});

describe("an image", () => {
  test("without any signature is refused, with its name and digest", async () => {
    const { refused } = await check({ ...signSimply(IMAGE, KEY), tags: {} });
    expect(refused).toEqual([
      { image: "acme/app:v1", digest: digestOf(IMAGE), signers: ["key.pub"], reasons: [] },
    ]);
    expect(() => requireSigned({ accepted: [], refused, notices: [] })).toThrow(
      expect.objectContaining({
        code: "SIGNATURE_REFUSED",
        message: `Cannot trust image: "acme/app:v1" (${digestOf(IMAGE)}) is not signed by "key.pub": it has no signature at all`,
        hint: expect.stringContaining("`requireSignatures`"),
      }),
    );
  });

  test("is accepted for one good signature among others", async () => {
    const bad = signStatement(IMAGE, createKey());
    const good = signMessage(IMAGE, KEY);
    const manifests = [...manifestsOf(bad), ...manifestsOf(good).slice(1)];
    const { accepted, refused } = await checkAll(manifests);
    expect(refused).toEqual([]);
    expect(accepted[0]?.signature).toBe(digestOf(good.referrers[0] ?? ""));
  });

  test("is not signed by what belongs to an image of another repository", async () => {
    const signed = signStatement(IMAGE, KEY);
    const [image] = manifestsOf(signed, "acme/app");
    const [, follower] = manifestsOf(signed, "acme/other");
    const { refused } = await checkAll([image as NamedManifest, follower as NamedManifest]);
    expect(refused).toMatchObject([{ image: "acme/app:v1", reasons: [] }]);
  });

  // Whoever may write to a repository can say of an image that it belongs to another one
  test.each([
    ["by its subject", (image: NamedManifest) => ({ ...image, subject: digestOf(OTHER) })],
    [
      "by a second tag",
      (image: NamedManifest) => ({
        ...image,
        subject: digestOf(OTHER),
        tags: [formatCosignTag({ subject: digestOf(OTHER), suffix: "sig" }), "latest"],
      }),
    ],
  ])("that calls itself a signature %s is an image still", async (_, disguise) => {
    const [image] = manifestsOf(signSimply(IMAGE, KEY));
    const { refused } = await checkAll([disguise(image as NamedManifest)]);
    expect(refused).toHaveLength(1);
  });

  test("without a tag is looked at too", async () => {
    const [image] = manifestsOf(signSimply(IMAGE, KEY));
    const { refused } = await checkAll([{ ...(image as NamedManifest), tags: [] }]);
    expect(refused).toMatchObject([{ image: `acme/app@${digestOf(IMAGE)}` }]);
  });
});

describe("what the rules leave out", () => {
  const [image] = manifestsOf(signSimply(IMAGE, KEY));
  const demand = { name: "key.pub", publicKey: KEY.publicKey };

  test("is told, unless it is exempt by name", async () => {
    const rules = [{ pattern: "vendor/*", demand }] as const;
    const { notices, refused } = await checkAll([image as NamedManifest], rules);
    expect(refused).toEqual([]);
    expect(notices.map(({ code }) => code)).toEqual([
      "SIGNATURE_UNDEMANDED",
      "SIGNATURE_RULE_UNUSED",
    ]);
    expect(notices[0]?.message).toContain("acme/app:v1");
    expect(notices[1]?.message).toContain("vendor/*");
    const exempt = await checkAll([image as NamedManifest], [{ pattern: "*", demand: "none" }]);
    expect(exempt).toEqual({ accepted: [], refused: [], notices: [] });
  });

  test("content that cannot be read is thrown, and not taken for a missing signature", async () => {
    const failing = { ...(image as NamedManifest), read: () => Promise.reject(new Error("gone")) };
    await expect(checkAll([failing])).rejects.toThrow("gone");
  });

  test("content that is not what its digest says is refused", async () => {
    const wrong = { ...(image as NamedManifest), read: async () => Buffer.from("x") };
    await expect(checkAll([wrong])).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
  });
});

function check(signed: SignedImage, publicKey = signed.publicKey) {
  return checkAll(manifestsOf(signed), [{ pattern: "*", demand: { name: "key.pub", publicKey } }]);
}

const RULES: readonly SignatureRule[] = [
  { pattern: "*", demand: { name: "key.pub", publicKey: KEY.publicKey } },
];

async function checkAll(manifests: readonly NamedManifest[], rules = RULES) {
  return await checkSignatures(manifests, await parsePolicy(rules));
}

async function reasonsOf(signed: SignedImage, publicKey?: string): Promise<readonly string[]> {
  const { accepted, refused } = await check(signed, publicKey);
  expect(accepted).toEqual([]);
  expect(refused).toMatchObject([{ image: "acme/app:v1", digest: digestOf(signed.image) }]);
  return refused[0]?.reasons ?? [];
}

function twice(digest: string): string {
  const text = simplePayload(digest);
  const field = `"docker-manifest-digest":"${digest}"`;
  return text.replace(field, `${field},"Docker-Manifest-Digest":"${digestOf(OTHER)}"`);
}

function withCertificate(): SignedImage {
  const verificationMaterial = { certificate: { rawBytes: "AA==" } };
  const dsseEnvelope = { payload: "e30=", payloadType: "x", signatures: [{ sig: "AA==" }] };
  return withBundle(IMAGE, KEY.publicKey, { verificationMaterial, dsseEnvelope });
}

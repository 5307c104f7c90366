import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { checkSignatures } from "../../src/trust/check-signatures.ts";
import { parsePolicy } from "../../src/trust/policy.ts";
import { readSignatureRules } from "../../src/trust/read-rules.ts";
import type { IdentityDemand, SignatureRule } from "../../src/trust/signature-rule.ts";
import {
  createKey,
  manifestsOf,
  readSigned,
  type SignedImage,
  transplant,
} from "../support/signatures.ts";

const ROOT_PATH = new URL("../../fixtures/signatures/trusted_root.json", import.meta.url);
const TRUSTED_ROOT = JSON.parse(readFileSync(ROOT_PATH, "utf8"));
const ISSUER = "https://token.example.com";
const IDENTITY = "https://ci.example.com/acme/app/release.yml@refs/tags/v1";
const DEMAND = { name: "ci.json", issuer: ISSUER, identity: IDENTITY, trustedRoot: TRUSTED_ROOT };
const OTHER = '{"schemaVersion":2,"config":{},"layers":[]}';

describe.each(["certified-tag", "certified-bundle"])(
  "what cosign has signed with a certificate (%s)",
  (name) => {
    const signed = readSigned(name);

    test.each([IDENTITY, "https://ci.example.com/acme/app/release.yml@refs/tags/*"])(
      "is accepted for the identity %s, offline",
      async (identity) => {
        const { accepted, refused } = await check(signed, { identity });
        expect(refused).toEqual([]);
        const digest = digestOf(signed.image);
        expect(accepted).toMatchObject([{ digest, signer: "ci.json", identity: IDENTITY }]);
      },
    );

    test.each<[string, Partial<IdentityDemand>, string]>([
      ["another identity", { identity: "https://ci.example.com/evil/*" }, `is "${IDENTITY}"`],
      // Part of an identity is another identity
      ["the beginning of it", { identity: IDENTITY.slice(0, -1) }, `is "${IDENTITY}"`],
      ["the end of it", { identity: IDENTITY.slice(8) }, `is "${IDENTITY}"`],
      ["no wildcard but *", { identity: IDENTITY.replace("app", "a.p") }, `is "${IDENTITY}"`],
      ["another issuer", { issuer: "https://token.example" }, `"${ISSUER}" vouches`],
      ["another authority", { trustedRoot: without("certificateAuthorities") }, "certificate"],
      ["another log of signatures", { trustedRoot: without("tlogs") }, ""],
      ["another log of certificates", { trustedRoot: without("ctlogs") }, "SCT"],
    ])("is refused for %s", async (_, change, reason) => {
      const reasons = await reasonsOf(signed, change);
      expect(reasons).toEqual([expect.stringContaining(reason)]);
    });

    test("is refused as the signature of another image", async () => {
      const reasons = await reasonsOf(transplant(signed, OTHER));
      expect(reasons).toEqual([expect.stringContaining(`about ${digestOf(signed.image)}`)]);
    });

    test("is refused where it was changed", async () => {
      const [config = "", ...blobs] = signed.blobs;
      const stored = [config, ...blobs.map((blob) => blob.replace(/"MEU?[A-Za-z]/, '"MEQA'))];
      const changed = replaceBlobs(signed, stored);
      const reasons = await reasonsOf(changed);
      expect(reasons).toHaveLength(1);
    });

    test("is refused where a key is demanded", async () => {
      const { publicKey } = createKey();
      const { refused } = await checkRules(signed, [
        { pattern: "*", demand: { name: "key.pub", publicKey } },
      ]);
      expect(refused).toHaveLength(1);
    });
  },
);

test.each(["tag-p-256", "referrer-p-256", "bundle-p-256"])(
  "what a key has signed is refused where a certificate is demanded (%s)",
  async (name) => {
    const reasons = await reasonsOf(readSigned(name));
    expect(reasons).toEqual([expect.stringContaining("made with a key")]);
  },
);

test("an identity and its trusted root are read from files", async () => {
  const path = new URL("../../fixtures/signatures/identity.json", import.meta.url).pathname;
  const rules = await readSignatureRules([path]);
  const { accepted } = await checkRules(readSigned("certified-bundle"), rules);
  expect(accepted).toMatchObject([{ signer: path, identity: IDENTITY }]);
});

/** As if it were one that nobody trusts. */
function without(part: string): unknown {
  return { ...TRUSTED_ROOT, [part]: [] };
}

function replaceBlobs(signed: SignedImage, blobs: readonly string[]): SignedImage {
  let text = JSON.stringify([signed.tags, signed.referrers]);
  for (const [at, was] of signed.blobs.entries()) {
    text = text.replaceAll(digestOf(was), digestOf(blobs[at] ?? ""));
  }
  if (blobs.every((blob, at) => blob === signed.blobs[at])) {
    text = text.replace(/cosign\/signature\\":\\"MEU?[A-Za-z]/, 'cosign/signature\\":\\"MEQA');
  }
  const [tags, referrers] = JSON.parse(text);
  return { ...signed, tags, referrers, blobs };
}

function check(signed: SignedImage, change: Partial<IdentityDemand> = {}) {
  return checkRules(signed, [{ pattern: "*", demand: { ...DEMAND, ...change } }]);
}

async function checkRules(signed: SignedImage, rules: readonly SignatureRule[]) {
  return await checkSignatures(manifestsOf(signed), await parsePolicy(rules));
}

async function reasonsOf(signed: SignedImage, change?: Partial<IdentityDemand>) {
  const { accepted, refused } = await check(signed, change);
  expect(accepted).toEqual([]);
  return refused[0]?.reasons ?? [];
}

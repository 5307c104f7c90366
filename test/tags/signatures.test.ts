import { expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { isSigned } from "../../src/tags/signatures.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const envelope = (predicate: string) => ({
  "dev.sigstore.bundle.content": "dsse-envelope",
  "dev.sigstore.bundle.predicateType": predicate,
});

test.each([
  [true, "of cosign 3, in an envelope", BUNDLE, envelope("https://sigstore.dev/cosign/sign/v1")],
  [true, "of the Notary Project", "application/vnd.cncf.notary.signature", {}],
  [false, "but an attestation", BUNDLE, envelope("https://slsa.dev/provenance/v1")],
  [
    false,
    "but a bill of materials of cosign",
    "application/vnd.dev.cosign.artifact.sbom.v1+json",
    {},
  ],
  [false, "that says what it is", undefined, {}],
])("%s for a referrer that is a signature %s", async (expected, _, artifactType, annotations) => {
  const descriptor = { mediaType: "application/json", digest: digestOf("x"), size: 1, annotations };
  const referrers = async () => [artifactType ? { ...descriptor, artifactType } : descriptor];
  expect(await isSigned(digestOf("image"), { referrers }, {})).toBe(expected);
});

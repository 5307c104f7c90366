import { describe, expect, test } from "vitest";
import { parseManifest } from "../../../src/oci/manifest.ts";
import { kindOfReferrer } from "../../../src/pull/plan/referrer-kind.ts";
import { artifact } from "../../support/artifacts.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PREDICATE = "dev.sigstore.bundle.predicateType";

describe("kindOfReferrer()", () => {
  test.each<[string, string, Record<string, string>]>([
    ["signature", "application/vnd.cncf.notary.signature", {}],
    ["signature", "application/vnd.dev.cosign.artifact.sig.v1+json", {}],
    ["signature", BUNDLE, {}],
    ["signature", BUNDLE, { "dev.sigstore.bundle.content": "message-signature" }],
    [
      "signature",
      BUNDLE,
      {
        "dev.sigstore.bundle.content": "dsse-envelope",
        [PREDICATE]: "https://sigstore.dev/cosign/sign/v1",
      },
    ],
    [
      "attestation",
      BUNDLE,
      {
        "dev.sigstore.bundle.content": "dsse-envelope",
        [PREDICATE]: "https://slsa.dev/provenance/v1",
      },
    ],
    ["attestation", "application/vnd.in-toto+json", {}],
    ["attestation", "application/vnd.openvex+json", {}],
    ["sbom", "application/spdx+json", {}],
    ["sbom", "application/vnd.cyclonedx+json", {}],
    ["sbom", "application/vnd.dev.cosign.artifact.sbom.v1+json", {}],
    ["referrer", "application/vnd.example.thing", {}],
  ])("takes for a %s what has the type %s and %j", (kind, artifactType, annotations) => {
    const { bytes, descriptor } = artifact({ artifactType, annotations }).manifest;
    expect(kindOfReferrer(parseManifest(bytes, descriptor.mediaType, "one"))).toBe(kind);
  });
});

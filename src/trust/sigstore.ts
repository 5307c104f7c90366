import type { Bundle } from "@sigstore/bundle";
import type { TrustMaterial } from "@sigstore/verify";

export type { Bundle, TrustMaterial };

// The packages are loaded by those who need them: most runs demand nothing

/** Throws an `Error` for what is not a bundle of sigstore. */
export async function parseBundle(document: unknown): Promise<Bundle> {
  const { bundleFromJSON } = await import("@sigstore/bundle");
  return bundleFromJSON(document);
}

/** Reads `trusted_root.json`; throws an `Error` for anything else. */
export async function parseTrustedRoot(document: unknown): Promise<TrustMaterial> {
  if (
    typeof document !== "object" ||
    document === null ||
    !("certificateAuthorities" in document)
  ) {
    throw new Error("its trustedRoot is not the content of a trusted_root.json");
  }
  const [{ TrustedRoot }, { toTrustMaterial }] = await Promise.all([
    import("@sigstore/protobuf-specs"),
    import("@sigstore/verify"),
  ]);
  try {
    return toTrustMaterial(TrustedRoot.fromJSON(document));
  } catch (cause) {
    throw new Error("its trustedRoot cannot be read", { cause });
  }
}

/** Who a certificate was given to, and by whose word. */
export interface CertifiedSigner {
  readonly identity: string;
  readonly issuer: string;
}

/**
 * Checks a signature with its certificate: the authority that gave it, the log of certificates, the time of signing as a
 * log or an authority of time says it, the log of signatures, and the signature itself. Throws an `Error` otherwise.
 */
export async function verifyCertified(
  bundle: Bundle,
  { artifact, material }: { readonly artifact: Buffer; readonly material: TrustMaterial },
): Promise<CertifiedSigner> {
  const { toSignedEntity, Verifier } = await import("@sigstore/verify");
  const verifier = new Verifier(material, {
    ctlogThreshold: 1,
    tlogThreshold: 1,
    timestampThreshold: 1,
  });
  const { identity } = verifier.verify(toSignedEntity(bundle, artifact));
  return {
    identity: identity?.subjectAlternativeName ?? "",
    issuer: identity?.extensions?.issuer ?? "",
  };
}

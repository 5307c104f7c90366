/** What the images of some repositories have to be signed with. */
export interface SignatureRule {
  /** Repositories below the target, as a plan lists them; `*` stands for any text, `?` for one character. */
  readonly pattern: string;
  /** `none`: nothing is demanded, whatever a wider pattern says. */
  readonly demand: "none" | KeyDemand | IdentityDemand;
}

/** A signature that was made with the private half of a key. */
export interface KeyDemand {
  /** For messages: where the key came from. */
  readonly name: string;
  /** PEM of a public key: ECDSA (P-256, P-384, P-521), RSA or Ed25519. */
  readonly publicKey: string;
}

/** A signature with a short-lived certificate that was given to an identity, as a transparency log shows. */
export interface IdentityDemand {
  /** For messages: where the identity came from. */
  readonly name: string;
  /** Who vouches for the identity, such as `https://token.actions.githubusercontent.com`. */
  readonly issuer: string;
  /** Subject of the certificate: an address of mail, or the URL of a workflow; `*` stands for any text. */
  readonly identity: string;
  /** Certificate authorities and logs that are trusted: sigstore's `trusted_root.json`. */
  readonly trustedRoot: unknown;
}

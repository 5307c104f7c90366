import { registryKey } from "./registry-key.ts";

interface CredentialOrigin {
  /** Where it was found, in words for the user: `login`, a file name, a helper. */
  readonly origin: string;
}

export interface PasswordCredential extends CredentialOrigin {
  readonly kind: "password";
  readonly username: string;
  readonly password: string;
}

/** A refresh token of OAuth 2: exchanged at the realm for an access token. */
export interface IdentityTokenCredential extends CredentialOrigin {
  readonly kind: "identity-token";
  readonly identityToken: string;
}

/** Sent as it is as Bearer token, without an exchange. */
export interface RegistryTokenCredential extends CredentialOrigin {
  readonly kind: "registry-token";
  readonly registryToken: string;
}

export type Credential = PasswordCredential | IdentityTokenCredential | RegistryTokenCredential;

/** What a credential is needed for, as far as it is known. */
export interface CredentialQuestion {
  /** Path of the repository: a file may have a login for a part of a registry. */
  readonly repository?: string | undefined;
  /** The last answer was refused: look again instead of repeating it. */
  readonly isRenewal?: boolean | undefined;
}

/** Finds the credential for a registry host; undefined: go on without. */
export type CredentialSource = (
  registry: string,
  question?: CredentialQuestion,
) => Promise<Credential | undefined>;

export interface StaticCredentialOptions {
  /** The one host that gets it. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Where it is from, in words: `login`. */
  readonly origin: string;
}

/** A user name and password that were given for one registry. */
export function createStaticCredentials(options: StaticCredentialOptions): CredentialSource {
  const { registry, username, password, origin } = options;
  const credential: PasswordCredential = { kind: "password", username, password, origin };
  return async (asked) => (registryKey(asked) === registryKey(registry) ? credential : undefined);
}

/** Asks the sources in order; the first credential counts. */
export function chainCredentials(...sources: readonly CredentialSource[]): CredentialSource {
  return async (registry, question) => {
    for (const source of sources) {
      const credential = await source(registry, question);
      if (credential) return credential;
    }
    return undefined;
  };
}

/** How a credential is named in messages: never with its secret. */
export function describeCredential(credential: Credential): string {
  return credential.kind === "password"
    ? `user "${credential.username}" from ${credential.origin}`
    : `the token from ${credential.origin}`;
}

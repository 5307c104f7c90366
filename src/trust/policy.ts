import { OptionInvalidError } from "../errors.ts";
import { fitsPattern } from "../name-pattern.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import type { IdentityDemand, SignatureRule } from "./signature-rule.ts";
import { parseTrustedRoot, type TrustMaterial } from "./sigstore.ts";

/** What can sign: a key that is at hand, or whoever a certificate authority knows by a name. */
export type Signer =
  | { readonly kind: "key"; readonly name: string; readonly key: PublicKey }
  | {
      readonly kind: "identity";
      readonly name: string;
      readonly issuer: string;
      readonly identity: string;
      readonly material: TrustMaterial;
    };

/** The rules of one pattern. */
export interface Clause {
  readonly pattern: string;
  /** One of them has to have signed; without any, nothing is demanded. */
  readonly signers: readonly Signer[];
}

/** Rules, checked and ready for use. */
export interface SignaturePolicy {
  readonly clauses: readonly Clause[];
}

/** Throws `OPTION_INVALID` for what cannot be demanded. */
export async function parsePolicy(rules: readonly SignatureRule[]): Promise<SignaturePolicy> {
  if (!Array.isArray(rules) || !rules.every(isRule)) {
    throw new OptionInvalidError("requireSignatures", "a list of rules is expected");
  }
  const byPattern = new Map<string, SignatureRule["demand"][]>();
  for (const { pattern, demand } of rules) {
    if (!isPattern(pattern)) {
      const hint = 'Write repositories as a plan lists them, such as "ghcr.io/acme/*"';
      throw invalid(`"${pattern}"`, "it is not a pattern of repositories", hint);
    }
    const path = toPath(pattern);
    byPattern.set(path, [...(byPattern.get(path) ?? []), demand]);
  }
  const clauses = [...byPattern].map(([pattern, demands]) => toClause(pattern, demands));
  return { clauses: await Promise.all(clauses) };
}

/** For callers without TypeScript. */
function isRule(rule: SignatureRule | null): boolean {
  const { demand } = rule ?? {};
  return demand === "none" || (typeof demand === "object" && demand !== null);
}

async function toClause(
  pattern: string,
  demands: readonly SignatureRule["demand"][],
): Promise<Clause> {
  const wanted = demands.filter((demand) => demand !== "none");
  if (wanted.length > 0 && wanted.length < demands.length) {
    throw invalid(`"${pattern}"`, "a signature and none are demanded of the same repositories");
  }
  return { pattern, signers: await Promise.all(wanted.map(toSigner)) };
}

function isPattern(pattern: unknown): pattern is string {
  return typeof pattern === "string" && /^[a-z0-9._*?:/-]{1,255}$/.test(pattern);
}

/** A port has another form in repositories of a bundle: `host:5000/web` is `host-5000/web` there. */
function toPath(pattern: string): string {
  return pattern.replace(/^([^/:]+):(\d+)(?=\/|$)/, "$1-$2");
}

async function toSigner(demand: Exclude<SignatureRule["demand"], "none">): Promise<Signer> {
  try {
    if ("publicKey" in demand) {
      return { kind: "key", name: demand.name, key: parsePublicKey(demand.publicKey) };
    }
    return await toIdentity(demand);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const hint =
      "Name the public key in PEM, such as cosign.pub, or a file with an identity (docs/referrers.md)";
    throw invalid(`"${demand.name}"`, cause.message, hint, { cause });
  }
}

async function toIdentity(demand: IdentityDemand): Promise<Signer> {
  const { name, issuer, identity, trustedRoot } = demand;
  for (const [field, value] of Object.entries({ issuer, identity })) {
    if (typeof value !== "string" || value === "") throw new Error(`it has no ${field}`);
  }
  // Whoever may ask for a certificate, and many may, would be trusted
  if (/^[*?]+$/.test(identity)) throw new Error("its identity stands for everyone");
  const material = await parseTrustedRoot(trustedRoot);
  return { kind: "identity", name, issuer, identity, material };
}

function invalid(subject: string, reason: string, hint?: string, options?: ErrorOptions) {
  return new OptionInvalidError("requireSignatures", `${subject}: ${reason}`, { hint, ...options });
}

/**
 * What is demanded of the images of a repository: of the patterns that it fits, the one that says most counts. If several
 * say as much, all of them do. Empty: no pattern fits.
 */
export function clausesFor({ clauses }: SignaturePolicy, repository: string): readonly Clause[] {
  const fitting = clauses.filter(({ pattern }) => fitsPattern(pattern, repository));
  const most = Math.max(...fitting.map(({ pattern }) => weightOf(pattern)));
  return fitting.filter(({ pattern }) => weightOf(pattern) === most);
}

/** Characters that are what they are. */
function weightOf(pattern: string): number {
  return pattern.replace(/[*?]/g, "").length;
}

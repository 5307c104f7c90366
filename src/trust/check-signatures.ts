import pLimit from "p-limit";
import type { Notice } from "../notice.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, verifyDigest } from "../oci/digest.ts";
import { type ImageManifest, parseManifest } from "../oci/manifest.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";
import { option } from "../option.ts";
import { type RefusedImage, SignatureRefusedError } from "./errors.ts";
import { isSignatureType, judgeSignature, type SignedManifest } from "./judge-signature.ts";
import { type Clause, clausesFor, type SignaturePolicy, type Signer } from "./policy.ts";

/** A manifest with a name, as a plan or a bundle has it. */
export interface NamedManifest {
  /** Repository below the target. */
  readonly repository: string;
  /** Other repositories that it will be known by: rules for these hold as well. */
  readonly aliases?: readonly string[] | undefined;
  readonly tags: readonly string[];
  readonly root: Descriptor;
  /** The manifest of the same repository that it belongs to. */
  readonly subject?: Digest | undefined;
  /** What it was before parts of it were left out: what is signed, if anything is. */
  readonly sourceDigest?: Digest | undefined;
  /** All bytes of a manifest or blob of the repository. */
  read(target: Descriptor): Promise<Buffer>;
}

/** A signature that was demanded and is there. */
export interface AcceptedSignature {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: Digest;
  /** The manifest that holds the signature. */
  readonly signature: Digest;
  /** The key or the identity, as the rule names it. */
  readonly signer: string;
  /** Who was certified, where it is no key. */
  readonly identity?: string;
  /** The name that the image had for its signer: nothing is compared with it. */
  readonly reference?: string;
}

export interface SignatureCheck {
  readonly accepted: readonly AcceptedSignature[];
  readonly refused: readonly RefusedImage[];
  readonly notices: readonly Notice[];
}

/** Reads at once: small answers, where the round trip is what costs. */
const CONCURRENCY = 12;

/** Far more than any signature has; attestations may have more, and are none. */
const CONTENT_LIMIT_BYTES = MANIFEST_LIMIT_BYTES;

/** Cosign adds each new signature of an image to the same manifest. */
const COUNT_LIMIT = 1000;

/**
 * Looks whether the images are signed as it is demanded. What belongs to an image is no image by itself, unless it is
 * published under a name of its own. Throws where something cannot be read.
 */
export async function checkSignatures(
  manifests: readonly NamedManifest[],
  policy: SignaturePolicy,
): Promise<SignatureCheck> {
  const followers = groupFollowers(manifests);
  const demands = manifests.filter(isPublished).map((image) => {
    const names = [image.repository, ...(image.aliases ?? [])];
    return { image, clauses: [...new Set(names.flatMap((name) => clausesFor(policy, name)))] };
  });
  const limit = pLimit(CONCURRENCY);
  const looks = demands.flatMap(({ image, clauses }) =>
    clauses
      .filter(({ signers }) => signers.length > 0)
      .map((clause) =>
        limit(() => new Look(image, clause).find(followers.get(placeOf(image)) ?? [])),
      ),
  );
  const found = await settle(looks);
  const used = new Set(demands.flatMap(({ clauses }) => clauses));
  const free = demands.filter(({ clauses }) => clauses.length === 0).map(({ image }) => image);
  const unused = policy.clauses.filter((clause) => !used.has(clause));
  return {
    accepted: found.filter((one) => "signer" in one),
    refused: found.filter((one) => "reasons" in one),
    notices: [...noticesOfFree(free), ...noticesOfUnused(unused)],
  };
}

/** All of them, in their order; throws when the last of them has ended. */
async function settle<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** Throws `SIGNATURE_REFUSED` unless all that is demanded is there. */
export function requireSigned({ refused }: SignatureCheck, hint?: string): void {
  if (refused.length > 0) throw new SignatureRefusedError(refused, hint ? { hint } : {});
}

/** What belongs to each manifest. */
function groupFollowers(
  manifests: readonly NamedManifest[],
): ReadonlyMap<string, readonly NamedManifest[]> {
  const groups = new Map<string, NamedManifest[]>();
  for (const follower of manifests) {
    const { repository, subject } = follower;
    if (subject === undefined) continue;
    const place = `${repository}@${subject}`;
    groups.set(place, [...(groups.get(place) ?? []), follower]);
  }
  return groups;
}

function placeOf({ repository, root }: NamedManifest): string {
  return `${repository}@${root.digest}`;
}

/** Tags of cosign name nothing that anybody runs, and what has no tag is found by its subject only. */
function isPublished({ tags, subject }: NamedManifest): boolean {
  return subject === undefined || tags.some((tag) => parseCosignTag(tag) === undefined);
}

function noticesOfFree(free: readonly NamedManifest[]): Notice[] {
  if (free.length === 0) return [];
  const names = [...new Set(free.map(nameOf))];
  const message = `No signature is demanded of ${names.length} ${names.length > 1 ? "images" : "image"}, as no pattern fits: ${example(names)}`;
  return [{ code: "SIGNATURE_UNDEMANDED", message }];
}

function noticesOfUnused(unused: readonly Clause[]): Notice[] {
  return unused.map(({ pattern }) => {
    const message = `"${pattern}" of ${option("requireSignatures")} fits no repository`;
    return { code: "SIGNATURE_RULE_UNUSED", message };
  });
}

function example(names: readonly string[]): string {
  return [...names.slice(0, 3), ...(names.length > 3 ? ["…"] : [])].join(", ");
}

function nameOf({ repository, tags, root }: NamedManifest): string {
  return tags[0] === undefined ? `${repository}@${root.digest}` : `${repository}:${tags[0]}`;
}

/** The search for one signature of an image. */
class Look {
  readonly #image: NamedManifest;
  readonly #clause: Clause;
  readonly #reasons: string[] = [];

  constructor(image: NamedManifest, clause: Clause) {
    this.#image = image;
    this.#clause = clause;
  }

  async find(followers: readonly NamedManifest[]): Promise<AcceptedSignature | RefusedImage> {
    const { digest } = this.#image.root;
    const signed = { digest, bytes: await read(this.#image, this.#image.root) };
    for (const follower of followers) {
      const found = await this.#tryFollower(follower, signed);
      if (found !== undefined) return found;
    }
    const { sourceDigest } = this.#image;
    if (sourceDigest !== undefined) {
      const reason = `it is what is left of ${sourceDigest}, and no signature of that is one of this`;
      this.#reasons.push(reason);
    }
    const signers = this.#clause.signers.map(({ name }) => name);
    return { image: nameOf(this.#image), digest, signers, reasons: this.#reasons };
  }

  async #tryFollower(
    follower: NamedManifest,
    signed: SignedManifest,
  ): Promise<AcceptedSignature | undefined> {
    const { digest, mediaType } = follower.root;
    const document = parseManifest(await read(follower, follower.root), mediaType, digest);
    const layers = document.kind === "manifest" ? signaturesOf(document) : [];
    if (layers.length === 0 && /signature/i.test(document.artifactType ?? "")) {
      this.#refuse(follower, `its type "${document.artifactType}" is not one that is read here`);
    }
    if (layers.length > COUNT_LIMIT) this.#refuse(follower, `it holds ${layers.length} signatures`);
    for (const layer of layers.slice(0, COUNT_LIMIT)) {
      if (layer.size > CONTENT_LIMIT_BYTES) {
        this.#refuse(follower, `it has ${layer.size} bytes, which is more than is read`);
        continue;
      }
      const content = await read(follower, layer);
      for (const signer of this.#clause.signers) {
        const found = await this.#judge(follower, { layer, content }, { signed, signer });
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  async #judge(
    follower: NamedManifest,
    stored: { readonly layer: Descriptor; readonly content: Buffer },
    { signed, signer }: { readonly signed: SignedManifest; readonly signer: Signer },
  ): Promise<AcceptedSignature | undefined> {
    try {
      const judgement = await judgeSignature(stored, signed, signer);
      const { repository, tags } = this.#image;
      return {
        repository,
        tags,
        digest: signed.digest,
        signature: follower.root.digest,
        signer: signer.name,
        ...judgement,
      };
    } catch (error) {
      // Whatever keeps a signature from being read, it is none
      this.#refuse(follower, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #refuse({ root, tags }: NamedManifest, reason: string): void {
    const place = tags.length > 0 ? ` (tag ${tags.join(", ")})` : "";
    this.#reasons.push(`${root.digest}${place}: ${reason}`);
  }
}

function signaturesOf({ layers }: ImageManifest): Descriptor[] {
  return layers.filter(({ mediaType }) => isSignatureType(mediaType));
}

async function read(from: NamedManifest, target: Descriptor): Promise<Buffer> {
  const bytes = await from.read(target);
  verifyDigest(bytes, target.digest);
  return bytes;
}

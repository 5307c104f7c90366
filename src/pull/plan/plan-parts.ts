import type { Omission } from "../../contents/contents.ts";
import { attestedDigest, isAttestation } from "../../oci/attestation.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../oci/platform.ts";
import type { WalkedGraph, WalkedManifest } from "../../store/walk.ts";

/** What is known of the parts of an image. */
export interface PartFacts {
  /** Platforms to keep; empty = all. */
  readonly platforms: readonly Platform[];
  /** What the configs of images say whose entries do not. */
  readonly configPlatforms: ReadonlyMap<Digest, Platform>;
  /** Attestations that the source does not have. */
  readonly missing: ReadonlySet<Digest>;
}

export interface PartPlan {
  /** The root that is left; without any bytes if nothing is. */
  readonly root: Descriptor;
  /** Indexes that differ from those of the source, by their own digest. */
  readonly rewritten: ReadonlyMap<Digest, Buffer>;
  readonly omitted: readonly Omission[];
  /** Platforms of what is kept, sorted. */
  readonly platforms: readonly string[];
  /** Platforms that are wanted and that the image, having some, does not have. */
  readonly unmet: readonly Platform[];
  /** All platforms of the image, sorted. */
  readonly available: readonly string[];
}

/** Pure: the manifests of an index that have to be read to choose from it. */
export function selectWanted(
  children: readonly Descriptor[],
  wanted: readonly Platform[],
): readonly Descriptor[] {
  if (wanted.length === 0) return children;
  const isForOthers = (child: Descriptor) =>
    hasPlatform(child) && !isAttestation(child) && !isWanted(child.platform, wanted);
  const others = new Set(children.filter(isForOthers).map(({ digest }) => digest));
  for (const child of children) if (!isForOthers(child)) others.delete(child.digest);
  return children.filter(
    (child) => !others.has(child.digest) && !others.has(attestedDigest(child) ?? ""),
  );
}

/** Whether the entry of an index tells its platform: `unknown` is what programs write that have to write something. */
export function hasPlatform(
  child: Descriptor,
): child is Descriptor & { readonly platform: Platform } {
  return child.platform !== undefined && child.platform.os !== "unknown";
}

function isWanted(platform: Platform, wanted: readonly Platform[]): boolean {
  return wanted.some((one) => matchesPlatform(one, platform));
}

/** Pure: what is kept of an image, and the indexes that name it. */
export function planParts(survey: WalkedGraph, facts: PartFacts): PartPlan {
  const planner = new PartPlanner(facts);
  for (const manifest of survey.leavesFirst) planner.plan(manifest);
  return planner.finish(survey);
}

class PartPlanner {
  readonly #facts: PartFacts;
  /** New descriptors of indexes that are rewritten; undefined: nothing is left. */
  readonly #replaced = new Map<Digest, Descriptor | undefined>();
  readonly #rewritten = new Map<Digest, Buffer>();
  readonly #omitted = new Map<Digest, Omission>();
  readonly #kept = new Set<string>();
  readonly #available = new Set<string>();
  readonly #unmet: Set<Platform>;

  constructor(facts: PartFacts) {
    this.#facts = facts;
    this.#unmet = new Set(facts.platforms);
  }

  finish({ manifests }: WalkedGraph): PartPlan {
    const root = manifests[0]?.descriptor;
    if (root === undefined) throw new Error("A graph has a root");
    const nothing = { ...root, size: 0 };
    return {
      root: this.#replaced.has(root.digest) ? (this.#replaced.get(root.digest) ?? nothing) : root,
      rewritten: this.#rewritten,
      omitted: [...this.#omitted.values()],
      platforms: [...this.#kept].sort(),
      unmet: this.#available.size > 0 ? [...this.#unmet] : [],
      available: [...this.#available].sort(),
    };
  }

  /** Everything below it has been planned. */
  plan(manifest: WalkedManifest): void {
    const { document, descriptor } = manifest;
    if (document.kind !== "index") return;
    const isKept = document.manifests.map((child) => isAttestation(child) || this.#keeps(child));
    const kept = digestsOf(document.manifests.filter((_, position) => isKept[position]));
    const all = digestsOf(document.manifests);
    for (const [position, child] of document.manifests.entries()) {
      if (isAttestation(child)) isKept[position] = this.#keepsAttestation(child, { kept, all });
    }
    const isSame = document.manifests.every(
      ({ digest }, position) => isKept[position] && !this.#replaced.has(digest),
    );
    if (isSame) return;
    if (!isKept.includes(true)) this.#replaced.set(descriptor.digest, undefined);
    else this.#rewrite(manifest, isKept);
  }

  #keeps(child: Descriptor): boolean {
    if (this.#replaced.has(child.digest) && !this.#replaced.get(child.digest)) return false;
    const { platforms, configPlatforms } = this.#facts;
    const platform = hasPlatform(child) ? child.platform : configPlatforms.get(child.digest);
    if (platform === undefined) return true;
    const name = formatPlatform(platform);
    this.#available.add(name);
    for (const wanted of platforms) {
      if (matchesPlatform(wanted, platform)) this.#unmet.delete(wanted);
    }
    if (platforms.length === 0 || isWanted(platform, platforms)) {
      this.#kept.add(name);
      return true;
    }
    const reason = `its platform ${name} is none of ${platforms.map(formatPlatform).join(", ")}`;
    this.#omit(child, { kind: "platform", platform: name, reason });
    return false;
  }

  #keepsAttestation(
    child: Descriptor,
    { kept, all }: { readonly kept: ReadonlySet<Digest>; readonly all: ReadonlySet<Digest> },
  ): boolean {
    const subject = attestedDigest(child);
    if (subject !== undefined && all.has(subject) && !kept.has(subject)) {
      const reason = `it is an attestation of ${subject}, which is left out`;
      this.#omit(child, { kind: "platform", reason });
      return false;
    }
    if (!this.#facts.missing.has(child.digest)) return true;
    const reason = `it is an attestation${subject ? ` of ${subject}` : ""} that the source does not have`;
    this.#omit(child, { kind: "missing-attestation", reason });
    return false;
  }

  #omit({ digest, mediaType }: Descriptor, why: Omit<Omission, "digest" | "mediaType">): void {
    this.#omitted.set(digest, { digest, mediaType, ...why });
  }

  #rewrite({ descriptor, bytes }: WalkedManifest, isKept: readonly boolean[]): void {
    const original = JSON.parse(bytes.toString("utf8")) as { readonly manifests: Descriptor[] };
    const manifests = original.manifests.flatMap((child, position) => {
      if (!isKept[position]) return [];
      const replacement = this.#replaced.get(child.digest);
      if (replacement === undefined) return [child];
      const { data, ...fields } = child;
      return [{ ...fields, digest: replacement.digest, size: replacement.size }];
    });
    const rewritten = Buffer.from(JSON.stringify({ ...original, manifests }));
    const digest = digestOf(rewritten);
    this.#rewritten.set(digest, rewritten);
    const { mediaType } = descriptor;
    this.#replaced.set(descriptor.digest, { mediaType, digest, size: rewritten.length });
  }
}

function digestsOf(children: readonly Descriptor[]): ReadonlySet<Digest> {
  return new Set(children.map(({ digest }) => digest));
}

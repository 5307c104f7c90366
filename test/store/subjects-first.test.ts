import { expect, test } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { type ManifestDocument, parseManifest } from "../../src/oci/manifest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { subjectsFirst } from "../../src/store/subjects-first.ts";

interface Named {
  readonly name: string;
  readonly descriptor: Descriptor;
  readonly document: ManifestDocument;
}

function manifest(name: string, subject?: Named): Named {
  const config = { mediaType: MEDIA_TYPE.emptyConfig, digest: digestOf("{}"), size: 2 };
  const annotations = { name };
  const type = MEDIA_TYPE.imageManifest;
  return toNamed(name, type, {
    ...{ config, layers: [], annotations },
    ...(subject ? { subject: subject.descriptor } : {}),
  });
}

function index(name: string, manifests: readonly Named[]): Named {
  return toNamed(name, MEDIA_TYPE.imageIndex, {
    manifests: manifests.map(({ descriptor }) => descriptor),
  });
}

function toNamed(name: string, mediaType: string, fields: object): Named {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return { name, descriptor, document: parseManifest(bytes, mediaType, name) };
}

const order = (...given: readonly Named[]) => subjectsFirst(given).map(({ name }) => name);

const IMAGE = manifest("image");
const ATTESTATION = manifest("attestation", IMAGE);
const OTHER = manifest("other");

test("what belongs to a manifest comes behind it, and the index last", () => {
  const root = index("root", [OTHER, ATTESTATION, IMAGE]);
  expect(order(OTHER, ATTESTATION, IMAGE, root)).toEqual(["other", "image", "attestation", "root"]);
});

test("a subject that is an index comes with all that is below it", () => {
  const inner = index("inner", [IMAGE]);
  const signature = manifest("signature", inner);
  const root = index("root", [signature, inner]);
  expect(order(signature, IMAGE, inner, root)).toEqual(["image", "inner", "signature", "root"]);
});

test("an order that is right stays, also where subjects are not there", () => {
  const given = [manifest("stray", OTHER), IMAGE, ATTESTATION];
  expect(subjectsFirst(given)).toBe(given);
});

test("a chain of ten thousand is no matter", () => {
  const chain = [manifest("0")];
  for (let length = 1; length < 10_000; length += 1) {
    chain.push(manifest(String(length), chain[length - 1]));
  }
  expect(order(...chain.toReversed())).toEqual(chain.map(({ name }) => name));
});

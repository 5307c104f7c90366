import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { Credential } from "../../src/registry/auth/credentials.ts";
import type { FaultName, Faults } from "../support/registry.ts";
import { MARKER } from "../support/secrets.ts";
import { blobOf, collect, manifestOf } from "./support/content.ts";
import { IMPATIENT, type Session, startSession } from "./support/session.ts";

const KIB = 1024;
const PASSWORD: Credential = {
  kind: "password",
  username: "robot",
  password: MARKER,
  origin: "a file",
};
const USER = { username: "robot", password: MARKER };

const layer = blobOf(randomBytes(450 * KIB));
const config = blobOf(Buffer.from("{}"));
const image = manifestOf(config.bytes, layer.bytes);
const signature = referrerOf("application/x.signature");

/** The first part of an upload breaks off, so that the registry has to be asked what it has. */
const TORN = { dropUpload: { afterBytes: 50 * KIB, how: "reset", times: 1 } } as const;
/** The first body of a blob breaks off, so that a range is asked for. */
const CUT = { drop: { afterBytes: 200 * KIB, how: "eof", times: 1 } } as const;
const bearer = (options: object): Faults => ({
  auth: { scheme: "bearer", credentials: USER, ...options },
});

interface Row {
  readonly faults: Faults;
  /** It does not answer in time, or seems not to. */
  readonly stalls?: true;
  /** What has to happen before the switch matters. */
  readonly provoked?: Faults;
  /** A 404 to HEAD of a blob is believed: at worst the blob is sent again. */
  readonly isHeadWrong?: boolean;
  /** This client never does what the switch is for. */
  readonly isAvoided?: boolean;
  /** Tags that are listed, or what the error says; default all. */
  readonly tags?: readonly string[] | string;
  /** What the error says when referrers are asked for. */
  readonly referrers?: string;
  readonly afterwards?: (session: Session) => void;
}

const restarted = ({ events }: Session) =>
  expect(events.map(({ type }) => type)).toContain("restarted");
const reopened = ({ registry }: Session) =>
  // two blobs in two repositories
  expect(registry.log.count("POST", /uploads/)).toBeGreaterThan(4);
const retried = ({ events }: Session) =>
  expect(events.map(({ type }) => type)).toContain("retrying");
const waited = ({ clock }: Session) =>
  expect(clock.sleeps.some((ms) => ms >= 30_000 && ms <= 31_000)).toBe(true);
const limit = (retryAfter?: { readonly seconds: number; readonly as?: "date" }): Faults => ({
  tooManyRequests: { after: 4, times: 2, ...(retryAfter ? { retryAfter } : {}) },
});

/** By the names of the switches; what each does is described in `test/support/faults`. */
const ROWS: Readonly<Record<string, Row>> = {
  "status Range 0-N": { faults: TORN },
  "status Range bytes=0-N": { faults: { statusRange: "bytes" }, provoked: TORN },
  "status Range with an exclusive end": { faults: { statusRange: "exclusive" }, provoked: TORN },
  "status Range bytes=0-N with an exclusive end": {
    faults: { statusRange: "bytes-exclusive" },
    provoked: TORN,
  },
  "status Range that lags": { faults: { statusRange: "lagging" } },
  "status Range of the part": { faults: { statusRange: "part-relative" } },
  "status Range absent": { faults: { statusRange: "absent" }, provoked: TORN },
  "empty status Range 0-0": { faults: { dropUpload: { ...TORN.dropUpload, afterBytes: 0 } } },
  "empty status Range 0--1": { faults: { emptyRange: "0--1" } },
  "empty status Range bytes=0--1": { faults: { emptyRange: "bytes=0--1" } },
  "empty status Range absent": { faults: { emptyRange: "absent" } },
  "Location relative": { faults: { location: "path-relative" } },
  "Location absolute": { faults: { location: "absolute" } },
  "Location on another port": { faults: { location: "other-origin" } },
  "Location with a state that an abort makes stale": {
    faults: { stateToken: true },
    provoked: TORN,
    afterwards: reopened,
  },
  "session deleted when a PATCH is aborted": {
    faults: { ...TORN, abortedPatch: "deletes-session" },
    afterwards: reopened,
  },
  "session lost": { faults: { sessionLost: { after: 3 } }, afterwards: restarted },
  "PATCH answered with 201": { faults: { patchStatus: 201 } },
  "PATCH limit with 416": { faults: { partLimitBytes: 64 * KIB } },
  "body limit with 413": { faults: { bodyLimit: { bytes: 80 * KIB, answer: 413 } } },
  "minimum chunk": { faults: { minPartBytes: 120 * KIB } },
  "status GET 404": { faults: { statusGet: 404 }, provoked: TORN },
  "status GET 405": { faults: { statusGet: 405 }, provoked: TORN },
  "status without Location": { faults: { statusLocation: "absent" }, provoked: TORN },
  "commit that takes longer than a stall": {
    stalls: true,
    faults: { commitWait: () => setTimeout(IMPATIENT.stallTimeoutMs + 100) },
  },
  "commit answered by a reset after success": {
    faults: { commitReset: { times: 1 } },
    afterwards: retried,
  },
  "HEAD 404": { faults: { head: { answer: 404 } }, isHeadWrong: true },
  "HEAD 405": { faults: { head: { answer: 405 } } },
  "HEAD 500": { faults: { head: { answer: 500 } } },
  "HEAD without length": { faults: { head: { answer: "no-length" } } },
  "HEAD without digest": { faults: { head: { answer: "no-digest" } } },
  "POST ignoring the digest": { faults: { postDigest: "ignored" }, isAvoided: true },
  "mount 201": { faults: {} },
  "mount 202": { faults: { mount: 202 } },
  "mount 401": { faults: { mount: 401 } },
  "mount 405": { faults: { mount: 405 } },
  "token for the first scope only": { faults: bearer({ scopes: "first" }) },
  "token POST 404": { faults: bearer({ post: 404 }) },
  "token POST 401": { faults: bearer({ post: 401 }) },
  "token POST 400": { faults: bearer({ post: 400 }) },
  "token that lives 60 s": { faults: bearer({ lifeSeconds: 60 }) },
  "token that ends in mid-upload": { faults: bearer({ lifeRequests: 2 }) },
  "token without expires_in": { faults: bearer({ expiresIn: "absent" }) },
  "token in both fields": { faults: bearer({ field: "both" }) },
  "two challenges in one header": { faults: bearer({ challenges: "both-in-one-header" }) },
  "two challenges in two headers": { faults: bearer({ challenges: "both-in-two-headers" }) },
  "redirect to a second origin": {
    faults: { redirect: {} },
    provoked: bearer({}),
    afterwards: ({ registry }) => {
      const seen = registry.other.log.entries;
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    },
  },
  "redirect to a URL that works once": { faults: { redirect: { reuse: 403 } }, provoked: CUT },
  "Range ignored": { faults: { range: "ignored" }, afterwards: restarted },
  "Content-Range from 0": { faults: { range: "from-zero" }, afterwards: restarted },
  "Content-Range absent": { faults: { range: "no-header" }, afterwards: restarted },
  "open range 416": { faults: { range: "open-refused" }, isAvoided: true },
  "wrong Content-Length on 416": { faults: { range: "wrong-length-of-416" }, isAvoided: true },
  "body that ends early": { faults: CUT },
  "body that is reset": { faults: { drop: { ...CUT.drop, how: "reset" } } },
  "body that stalls": { faults: { drop: { ...CUT.drop, how: "stall" } }, stalls: true },
  "gzip if accepted": { faults: { gzip: "if-accepted" }, isAvoided: true },
  "429 without Retry-After": { faults: limit() },
  "429 with seconds": { faults: limit({ seconds: 30 }), afterwards: waited },
  "429 with a date": { faults: limit({ seconds: 30, as: "date" }) },
  "503 storm": { faults: { unavailable: { after: 4, times: 12 } } },
  "tags Link relative": { faults: { tagPages: { size: 2, link: "relative" } } },
  "tags Link absolute": { faults: { tagPages: { size: 2, link: "absolute" } } },
  "tags Link misplaced": { faults: { tagPages: { size: 2, link: "misplaced" } } },
  "tags Link foreign": {
    faults: { tagPages: { size: 2, link: "foreign" } },
    tags: "another host",
  },
  "tags Link looping": {
    faults: { tagPages: { size: 2, link: "looping" } },
    tags: "do not come to an end",
  },
  "tags 405": { faults: { noTagList: 405 }, tags: "gives no list of the tags" },
  "tags 501": { faults: { noTagList: 501 }, tags: "gives no list of the tags" },
  "tags 404": { faults: { noTagList: 404 }, tags: "does not have it" },
  "tags Link none": { faults: { tagPages: { size: 2, link: "none" } }, tags: ["v1", "v2"] },
  "referrers 404": { faults: { referrers: 404, subjectHeader: "absent" } },
  "referrers 404 NAME_UNKNOWN": {
    faults: { referrers: "name-unknown" },
    referrers: "repository is not known",
  },
  "referrers 200 of a wrong type": {
    faults: { referrers: "wrong-type", subjectHeader: "absent" },
  },
  "referrers unfiltered": { faults: { referrers: "unfiltered" } },
  "OCI-Subject missing": { faults: { subjectHeader: "absent" } },
  "Set-Cookie that poisons later calls": { faults: { cookie: "poison" } },
};

/** Switches that work without changing a request or an answer: `afterwards` and the outcome show them. */
const SILENT: ReadonlySet<FaultName> = new Set([
  "sessionLost",
  "abortedPatch",
  "commitReset",
  "commitWait",
]);

describe("an image is pushed, mounted, listed and fetched whole with", () => {
  test.each(Object.entries(ROWS))("%s", async (_, row) => {
    const { faults, stalls, provoked = {}, isAvoided = false, tags, referrers, afterwards } = row;
    await using session = await startSession(
      { ...provoked, ...faults },
      { partSizeBytes: 100 * KIB, credentials: async () => PASSWORD, ...(stalls && IMPATIENT) },
    );
    await pushAll(session);
    await expectTags(session, tags);
    await expectReferrers(session, referrers);
    await expectContent(session, row);
    const { met } = session.registry;
    for (const name of Object.keys(faults) as FaultName[]) {
      if (!SILENT.has(name)) expect([name, met.has(name)]).toEqual([name, !isAvoided]);
    }
    afterwards?.(session);
  });
});

test("an index whose children are missing is refused at once by a registry that looks", async () => {
  await using session = await startSession();
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageIndex,
    manifests: [{ ...image.descriptor, platform: { os: "linux", architecture: "amd64" } }],
  };
  const index = documentOf(document);
  await expect(session.repository.pushManifest(index, "v1")).rejects.toMatchObject({
    message: expect.stringContaining("MANIFEST_BLOB_UNKNOWN"),
  });
  expect(session.registry.log.count("PUT")).toBe(1);
});

async function pushAll({ open, repository }: Session): Promise<void> {
  for (const { expected, open: openContent } of [config, layer]) {
    await repository.push(expected, openContent);
    await open("acme/other").push(expected, openContent, { mountFrom: "acme/web" });
  }
  for (const tag of ["v1", "v2", "v3"]) {
    expect(await repository.pushManifest(image, tag)).toBe(image.descriptor.digest);
  }
  await repository.pushManifest(signature, signature.descriptor.digest);
}

async function expectTags(
  { repository }: Session,
  expected: Row["tags"] = ["v1", "v2", "v3"],
): Promise<void> {
  const listing = collect(repository.listTags());
  if (typeof expected === "string") await expect(listing).rejects.toThrow(expected);
  else expect((await listing).filter((tag) => tag.startsWith("v"))).toEqual(expected);
}

async function expectReferrers({ repository }: Session, failure?: string): Promise<void> {
  const filter = { artifactType: "application/x.signature" };
  const listing = repository.referrers(image.descriptor.digest, filter);
  if (failure !== undefined) await expect(listing).rejects.toThrow(failure);
  else expect((await listing).map(({ digest }) => digest)).toEqual([signature.descriptor.digest]);
}

async function expectContent(
  { open, repository }: Session,
  { isHeadWrong = false }: Row = { faults: {} },
): Promise<void> {
  const { descriptor } = image;
  expect((await repository.resolve("v1")).digest).toBe(descriptor.digest);
  expect(await repository.fetchManifest("v2")).toEqual(image);
  for (const place of [repository, open("acme/other")]) {
    expect(await place.exists(layer.expected)).toBe(!isHeadWrong);
    const bytes = await buffer(await place.fetch(layer.expected));
    expect(bytes.equals(layer.bytes)).toBe(true);
    const rest = await buffer(await place.fetch(layer.expected, { offset: 300 * KIB }));
    expect(rest.equals(layer.bytes.subarray(300 * KIB))).toBe(true);
  }
}

function referrerOf(artifactType: string) {
  return documentOf({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    artifactType,
    config: { mediaType: MEDIA_TYPE.emptyConfig, digest: digestOf("{}"), size: 2 },
    layers: [],
    subject: image.descriptor,
  });
}

function documentOf(document: Readonly<Record<string, unknown>> & { readonly mediaType: string }) {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest: Digest = digestOf(bytes);
  return { descriptor: { mediaType: document.mediaType, digest, size: bytes.length }, bytes };
}

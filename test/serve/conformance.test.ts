import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { pushArtifacts } from "../support/artifacts.ts";
import { PLACES, type Place, SIGNATURE, SIGNATURE_TYPE, TAGGED, WEB } from "./support/places.ts";

const KINDS = ["memory", "bundle", "writable", "upstream"] as const;
const TAGS = Object.keys(TAGGED);
const LAYER = WEB.blobs.at(-1) as BuiltArtifact["blobs"][number];
const UNKNOWN = digestOf("nobody has this");
const BYTES = Buffer.from("0123456789");
const DIGEST = digestOf(BYTES);

/** One repository of a place, asked by paths below its name or by what a `Location` said. */
class Repository {
  readonly name: string;
  readonly #base: string;

  constructor(host: string, name: string) {
    this.name = name;
    this.#base = `http://${host}/v2/${name}/`;
  }

  ask(path: string, method = "GET", init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(path, this.#base), { ...init, method });
  }

  async status(path: string, method = "GET", init: RequestInit = {}): Promise<number> {
    const response = await this.ask(path, method, init);
    await response.arrayBuffer();
    return response.status;
  }

  async bytes(path: string): Promise<Buffer> {
    return Buffer.from(await (await this.ask(path)).arrayBuffer());
  }

  /** `404 BLOB_UNKNOWN` */
  async error(path: string, method = "GET", init: RequestInit = {}): Promise<string> {
    const response = await this.ask(path, method, init);
    const { errors } = (await response.json()) as { errors: { code: string }[] };
    return `${response.status} ${errors[0]?.code}`;
  }

  async startUpload(): Promise<string> {
    const response = await this.ask("blobs/uploads/", "POST");
    expect(response.status).toBe(202);
    return locationOf(response);
  }

  putManifest({ manifest }: BuiltArtifact, reference: string): Promise<Response> {
    const headers = { "content-type": manifest.descriptor.mediaType };
    return this.ask(`manifests/${reference}`, "PUT", { headers, body: manifest.bytes });
  }
}

const locationOf = (response: Response): string => response.headers.get("location") ?? "";
const withDigest = (location: string, digest = DIGEST) =>
  `${location}${location.includes("?") ? "&" : "?"}digest=${digest}`;
const part = (range: string, body: Buffer): RequestInit => ({
  headers: { "content-range": range },
  body,
});
const contentOf = async ({ content }: typeof LAYER) =>
  Buffer.concat(await content.open(0, content.size).toArray());

type Check = (repository: Repository, place: Place) => Promise<void>;
/** Endpoints and section of the specification, the requirement, and how it is seen. */
type Requirement = readonly [endpoints: string, says: string, check: Check];

const READING: readonly Requirement[] = [
  [
    "end-1, Determining support",
    "the base of the API answers 200",
    async (_, { host }) => expect((await fetch(`http://${host}/v2/`)).status).toBe(200),
  ],
  [
    "end-2, Pulling blobs",
    "a blob comes with its bytes, its length and its digest",
    async (repository) => {
      const { digest, size } = LAYER.descriptor;
      const response = await repository.ask(`blobs/${digest}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe(String(size));
      expect(response.headers.get("docker-content-digest")).toBe(digest);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(await contentOf(LAYER));
    },
  ],
  [
    "end-2, Pulling blobs",
    "a range of a blob is 206 with just these bytes",
    async (repository) => {
      const { digest, size } = LAYER.descriptor;
      const headers = { range: "bytes=2-5" };
      const response = await repository.ask(`blobs/${digest}`, "GET", { headers });
      expect(response.status).toBe(206);
      expect(response.headers.get("content-range")).toBe(`bytes 2-5/${size}`);
      const wanted = (await contentOf(LAYER)).subarray(2, 6);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(wanted);
    },
  ],
  [
    "end-2, Checking if content exists",
    "HEAD of a blob has its length and digest, and no body",
    async (repository) => {
      const { digest, size } = LAYER.descriptor;
      const response = await repository.ask(`blobs/${digest}`, "HEAD");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe(String(size));
      expect(response.headers.get("docker-content-digest")).toBe(digest);
      expect(await response.text()).toBe("");
    },
  ],
  [
    "end-2, Pulling blobs",
    "a blob that is not there is 404 BLOB_UNKNOWN",
    async (repository) => {
      expect(await repository.error(`blobs/${UNKNOWN}`)).toBe("404 BLOB_UNKNOWN");
      expect(await repository.status(`blobs/${UNKNOWN}`, "HEAD")).toBe(404);
    },
  ],
  [
    "end-3, Pulling manifests",
    "a manifest comes by tag and by digest with its exact bytes, type and digest",
    async (repository) => {
      for (const [tag, { manifest }] of Object.entries(TAGGED)) {
        const { digest, mediaType } = manifest.descriptor;
        for (const reference of [tag, digest]) {
          const response = await repository.ask(`manifests/${reference}`);
          expect(response.status).toBe(200);
          expect(response.headers.get("content-type")).toBe(mediaType);
          expect(response.headers.get("docker-content-digest")).toBe(digest);
          expect(Buffer.from(await response.arrayBuffer())).toEqual(manifest.bytes);
        }
      }
    },
  ],
  [
    "end-3, Checking if content exists",
    "HEAD of a manifest has its length and digest, and no body",
    async (repository) => {
      const { digest, size } = WEB.manifest.descriptor;
      for (const reference of ["v1", digest]) {
        const response = await repository.ask(`manifests/${reference}`, "HEAD");
        expect(response.status).toBe(200);
        expect(response.headers.get("content-length")).toBe(String(size));
        expect(response.headers.get("docker-content-digest")).toBe(digest);
        expect(await response.text()).toBe("");
      }
    },
  ],
  [
    "end-3, Pulling manifests",
    "a manifest that is not there is 404 MANIFEST_UNKNOWN",
    async (repository) => {
      for (const reference of ["none", UNKNOWN]) {
        expect(await repository.error(`manifests/${reference}`)).toBe("404 MANIFEST_UNKNOWN");
        expect(await repository.status(`manifests/${reference}`, "HEAD")).toBe(404);
      }
    },
  ],
  [
    "end-3 and end-8a, Error codes",
    "a repository that is not there is 404 with an error document",
    async ({ name }, { host }) => {
      const none = new Repository(host, `${name}/none`);
      expect(await none.error("manifests/v1")).toMatch(/^404 [A-Z_]+$/);
      expect(await none.error("tags/list")).toBe("404 NAME_UNKNOWN");
    },
  ],
  [
    "end-8a, Listing tags",
    "all tags are listed in order, under the name that was asked for",
    async (repository) => {
      const response = await repository.ask("tags/list");
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ name: repository.name, tags: TAGS });
    },
  ],
  [
    "end-8b, Listing tags",
    "pages have at most n tags behind last, and a Link where there are more",
    async (repository) => {
      const seen: string[][] = [];
      let next: string | undefined = "tags/list?n=2";
      while (next !== undefined) {
        const response: Response = await repository.ask(next);
        seen.push(((await response.json()) as { tags: string[] }).tags);
        next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
      }
      expect(seen).toEqual([TAGS.slice(0, 2), TAGS.slice(2)]);
      const behind = await repository.ask(`tags/list?n=1&last=${TAGS[0]}`);
      expect(await behind.json()).toMatchObject({ tags: [TAGS[1]] });
      expect(await (await repository.ask("tags/list?n=0")).json()).toMatchObject({ tags: [] });
    },
  ],
  [
    "end-12a, Listing referrers",
    "an index has the descriptor of each referrer, with its artifact type and annotations",
    async (repository) => {
      const response = await repository.ask(`referrers/${WEB.manifest.descriptor.digest}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(MEDIA_TYPE.imageIndex);
      const { digest, mediaType, size } = SIGNATURE.manifest.descriptor;
      expect(await response.json()).toEqual({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.imageIndex,
        manifests: [
          {
            mediaType,
            digest,
            size,
            artifactType: SIGNATURE_TYPE,
            annotations: { "org.example": "yes" },
          },
        ],
      });
    },
  ],
  [
    "end-12a, Listing referrers",
    "what nothing refers to has an empty index, and what is no digest is 400",
    async (repository) => {
      const response = await repository.ask(`referrers/${UNKNOWN}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ manifests: [] });
      expect(await repository.status("referrers/v1")).toBe(400);
    },
  ],
  [
    "end-12b, Listing referrers",
    "only the artifact type that was asked for is listed, and that is said",
    async (repository) => {
      for (const [type, count] of [
        [SIGNATURE_TYPE, 1],
        ["application/vnd.example.other", 0],
      ] as const) {
        const { digest } = WEB.manifest.descriptor;
        const response = await repository.ask(`referrers/${digest}?artifactType=${type}`);
        expect(response.headers.get("oci-filters-applied")).toBe("artifactType");
        expect(((await response.json()) as { manifests: unknown[] }).manifests).toHaveLength(count);
      }
    },
  ],
];

/** Where nothing can be pushed, the categories push and content management are refused. */
const REFUSING: readonly Requirement[] = [
  ["POST", "end-4a, end-4b and end-11, Pushing blobs", "blobs/uploads/"],
  ["PUT", "end-7, Pushing manifests", "manifests/v1"],
  ["DELETE", "end-9, Deleting manifests", `manifests/${WEB.manifest.descriptor.digest}`],
  ["DELETE", "end-10, Deleting blobs", `blobs/${LAYER.descriptor.digest}`],
].map(([method = "", endpoints = "", path = ""]) => [
  endpoints,
  `${method} is 405 UNSUPPORTED, for nothing can be pushed`,
  async (repository) => expect(await repository.error(path, method)).toBe("405 UNSUPPORTED"),
]);

const WRITING: readonly Requirement[] = [
  [
    "end-4a and end-6, Pushing a blob monolithically",
    "POST and PUT take a blob, which can be pulled from where the answer says",
    async (repository) => {
      const upload = await repository.startUpload();
      const response = await repository.ask(withDigest(upload), "PUT", { body: BYTES });
      expect(response.status).toBe(201);
      expect(await repository.bytes(locationOf(response))).toEqual(BYTES);
    },
  ],
  [
    "end-4b, Pushing a blob monolithically",
    "a single POST takes a blob, which can be pulled from where the answer says",
    async (repository) => {
      const path = `blobs/uploads/?digest=${DIGEST}`;
      const response = await repository.ask(path, "POST", { body: BYTES });
      expect(response.status).toBe(201);
      expect(await repository.bytes(locationOf(response))).toEqual(BYTES);
    },
  ],
  [
    "end-5 and end-13, Pushing a blob in chunks",
    "chunks go on where the last one ended, which a GET tells, until a PUT ends them",
    async (repository) => {
      const upload = await repository.startUpload();
      const patched = await repository.ask(upload, "PATCH", part("0-3", BYTES.subarray(0, 4)));
      expect([patched.status, patched.headers.get("range")]).toEqual([202, "0-3"]);
      const state = await repository.ask(locationOf(patched));
      expect([state.status, state.headers.get("range")]).toEqual([204, "0-3"]);
      const end = withDigest(locationOf(state));
      expect(await repository.status(end, "PUT", part("4-9", BYTES.subarray(4)))).toBe(201);
      expect(await repository.bytes(`blobs/${DIGEST}`)).toEqual(BYTES);
    },
  ],
  [
    "end-5, Pushing a blob in chunks",
    "a chunk out of order is 416, and the upload goes on",
    async (repository) => {
      const upload = await repository.startUpload();
      const late = part("4-9", BYTES.subarray(4));
      expect(await repository.status(upload, "PATCH", late)).toBe(416);
      expect(await repository.status(withDigest(upload), "PUT", { body: BYTES })).toBe(201);
    },
  ],
  [
    "end-6, Pushing blobs",
    "bytes of another digest are 400 DIGEST_INVALID and leave no blob",
    async (repository) => {
      const end = withDigest(await repository.startUpload());
      const wrong = { body: Buffer.from("9876543210") };
      expect(await repository.error(end, "PUT", wrong)).toBe("400 DIGEST_INVALID");
      expect(await repository.status(`blobs/${DIGEST}`)).toBe(404);
    },
  ],
  [
    "end-5, end-6 and end-13, Error codes",
    "an upload that is not known is 404 BLOB_UPLOAD_UNKNOWN",
    async (repository) => {
      for (const method of ["GET", "PATCH", "PUT"]) {
        const body = method === "GET" ? {} : { body: BYTES };
        const path = withDigest("blobs/uploads/none");
        expect(await repository.error(path, method, body)).toBe("404 BLOB_UPLOAD_UNKNOWN");
      }
    },
  ],
  [
    "end-11, Mounting a blob from another repository",
    "a blob that is there is 201, one that is not opens an upload",
    async (repository, { filled }) => {
      const { digest } = LAYER.descriptor;
      const mount = (of: string) => `blobs/uploads/?mount=${of}&from=${filled}`;
      const mounted = await repository.ask(mount(digest), "POST");
      expect(mounted.status).toBe(201);
      expect(await repository.bytes(locationOf(mounted))).toEqual(await contentOf(LAYER));
      const opened = await repository.ask(mount(DIGEST), "POST");
      expect(opened.status).toBe(202);
      const end = withDigest(locationOf(opened));
      expect(await repository.status(end, "PUT", { body: BYTES })).toBe(201);
    },
  ],
  [
    "end-7, Pushing manifests",
    "a manifest by tag or digest is 201 and comes back with its exact bytes",
    async (repository, { host }) => {
      await pushArtifacts(host, repository.name, { first: WEB });
      for (const reference of ["second", WEB.manifest.descriptor.digest]) {
        const response = await repository.putManifest(WEB, reference);
        expect(response.status).toBe(201);
        expect(await repository.bytes(locationOf(response))).toEqual(WEB.manifest.bytes);
        expect(await repository.bytes(`manifests/${reference}`)).toEqual(WEB.manifest.bytes);
      }
    },
  ],
  [
    "end-7, Pushing manifests",
    "a manifest of blobs that are not there or of another digest is 400",
    async (repository) => {
      const { bytes: body, descriptor } = WEB.manifest;
      const init = { headers: { "content-type": descriptor.mediaType }, body };
      const put = (reference: string) => repository.error(`manifests/${reference}`, "PUT", init);
      expect(await put("v1")).toBe("400 MANIFEST_BLOB_UNKNOWN");
      expect(await put(UNKNOWN)).toBe("400 DIGEST_INVALID");
    },
  ],
  [
    "end-7 and end-12a, Pushing manifests with subject",
    "the subject is acknowledged, and lists its referrer before it is there itself",
    async (repository, { host }) => {
      await pushArtifacts(host, repository.name, { signed: SIGNATURE });
      const { digest } = WEB.manifest.descriptor;
      const response = await repository.putManifest(SIGNATURE, "signed");
      expect(response.headers.get("oci-subject")).toBe(digest);
      const { manifests } = JSON.parse(String(await repository.bytes(`referrers/${digest}`)));
      expect(manifests).toMatchObject([{ digest: SIGNATURE.manifest.descriptor.digest }]);
    },
  ],
  [
    "end-9, Deleting tags and manifests",
    "a tag goes alone, a digest with all its tags, and what is gone is 404",
    async (repository, { host }) => {
      await pushArtifacts(host, repository.name, { a: WEB, b: WEB });
      const path = `manifests/${WEB.manifest.descriptor.digest}`;
      expect(await repository.status("manifests/a", "DELETE")).toBe(202);
      expect(await repository.error("manifests/a")).toBe("404 MANIFEST_UNKNOWN");
      expect(await repository.status("manifests/b")).toBe(200);
      expect(await repository.status(path, "DELETE")).toBe(202);
      for (const gone of [path, "manifests/b"]) expect(await repository.status(gone)).toBe(404);
      expect(await repository.status(path, "DELETE")).toBe(404);
    },
  ],
  [
    "end-10, Deleting blobs",
    "a blob that is deleted is 404, also to who deletes it again",
    async (repository) => {
      const path = `blobs/${DIGEST}`;
      await repository.status(`blobs/uploads/?digest=${DIGEST}`, "POST", { body: BYTES });
      expect(await repository.status(path, "DELETE")).toBe(202);
      expect(await repository.error(path)).toBe("404 BLOB_UNKNOWN");
      expect(await repository.status(path, "DELETE")).toBe(404);
    },
  ],
];

describe.each(KINDS)("the distribution specification, from %s", (kind) => {
  const kept: AsyncDisposable[] = [];
  let place: Place;

  beforeAll(async () => {
    place = await PLACES[kind]((opened) => {
      kept.push(opened);
      return opened;
    });
  });
  afterAll(async () => {
    for (const opened of kept.reverse()) await opened[Symbol.asyncDispose]();
  });

  test.each(READING)("%s: %s", (_endpoints, _says, check) =>
    check(new Repository(place.host, place.filled), place),
  );

  const takesPushes = kind === "memory" || kind === "writable";
  const rows = (takesPushes ? WRITING : REFUSING).map((row, at) => [...row, at] as const);
  test.each(rows)("%s: %s", (_endpoints, _says, check, at) => {
    const name = takesPushes ? `${place.scratch}/${at}` : place.filled;
    return check(new Repository(place.host, name), place);
  });
});

import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { type WalkOptions, walkGraph } from "../../src/store/walk.ts";
import { AMD64, ARM64, artifact, image, index } from "../support/artifacts.ts";

interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Manifests by digest, and what was read of them. */
class Documents {
  readonly reads: string[] = [];
  readonly #held = new Map<string, Buffer>();

  add(mediaType: string, fields: object): Document {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
    const digest = digestOf(bytes);
    this.#held.set(digest, bytes);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  index(manifests: readonly Descriptor[]): Descriptor {
    return this.add(MEDIA_TYPE.imageIndex, { manifests }).descriptor;
  }

  manifest(name: string): Descriptor {
    return this.add(MEDIA_TYPE.imageManifest, { config: blob(`${name} config`), layers: [] })
      .descriptor;
  }

  /** A chain of indexes; every one names the one below it `times` times. */
  nest(levels: number, { times = 1, name = "leaf" } = {}): Descriptor {
    let top = this.manifest(name);
    for (let level = 0; level < levels; level++) {
      top = this.index(Array.from({ length: times }, () => top));
    }
    return top;
  }

  walk(root: Descriptor, options: Partial<WalkOptions> = {}) {
    const read = async (target: Descriptor) => this.read(target);
    return walkGraph(root, { subject: 'image "acme/web:v1"', read, ...options });
  }

  read({ digest }: Descriptor): Buffer | undefined {
    this.reads.push(digest);
    return this.#held.get(digest);
  }
}

function blob(text: string): Descriptor {
  return { mediaType: MEDIA_TYPE.imageConfig, digest: digestOf(text), size: text.length };
}

function digestsOf(all: readonly { readonly descriptor: Descriptor }[]): string[] {
  return all.map(({ descriptor }) => descriptor.digest);
}

describe("walkGraph()", () => {
  test("lists parents before children, children before parents, and blobs, in document order", async () => {
    const one = image({ name: "one", platform: AMD64 });
    const two = image({ name: "two", platform: ARM64 });
    const root = index([one, two]);
    const held = new Map(
      [root, one, two].map(({ manifest }) => [manifest.descriptor.digest, manifest.bytes]),
    );
    const { manifests, leavesFirst, blobs } = await walkGraph(root.manifest.descriptor, {
      subject: "image",
      read: async ({ digest }) => held.get(digest),
    });
    expect(digestsOf(manifests)).toEqual(
      digestsOf([root, one, two].map(({ manifest }) => manifest)),
    );
    expect(digestsOf(leavesFirst)).toEqual(
      digestsOf([one, two, root].map(({ manifest }) => manifest)),
    );
    expect(blobs.map(({ digest }) => digest)).toEqual(digestsOf([...one.blobs, ...two.blobs]));
    expect(manifests[1]?.descriptor.platform).toEqual(AMD64);
  });

  test("lists a manifest that several name before all of them", async () => {
    const documents = new Documents();
    const shared = documents.manifest("shared");
    const other = documents.index([shared]);
    const { leavesFirst } = await documents.walk(documents.index([shared, other]));
    expect(digestsOf(leavesFirst).slice(0, 2)).toEqual([shared.digest, other.digest]);
  });

  test("visits each digest once, however often it is named: 30 times, seven deep", async () => {
    const documents = new Documents();
    const root = documents.nest(7, { times: 30 });
    const { manifests } = await documents.walk(root);
    expect(manifests).toHaveLength(8);
    expect(documents.reads).toHaveLength(8);
  });

  test("reads a few manifests at once, and no more", async () => {
    const documents = new Documents();
    const root = documents.index(
      Array.from({ length: 20 }, (_, position) => documents.manifest(`${position}`)),
    );
    let running = 0;
    let most = 0;
    await documents.walk(root, {
      concurrency: 3,
      read: async (target) => {
        most = Math.max(most, ++running);
        await nextTurn();
        running -= 1;
        return documents.read(target);
      },
    });
    expect(most).toBe(3);
  });

  test("goes on without what cannot be had", async () => {
    const documents = new Documents();
    const known = documents.manifest("known");
    const absent = { ...known, digest: digestOf("absent") };
    const { manifests } = await documents.walk(documents.index([absent, known]));
    expect(digestsOf(manifests).slice(1)).toEqual([known.digest]);
  });

  test("leaves out children that are not to be followed", async () => {
    const documents = new Documents();
    const [one, two] = [documents.manifest("one"), documents.manifest("two")];
    const { manifests } = await documents.walk(documents.index([one, two]), {
      select: (children) => children.filter(({ digest }) => digest === two.digest),
    });
    expect(digestsOf(manifests).slice(1)).toEqual([two.digest]);
    expect(documents.reads).not.toContain(one.digest);
  });

  test("follows indexes eight deep, and refuses nine", async () => {
    const documents = new Documents();
    expect((await documents.walk(documents.nest(8))).manifests).toHaveLength(9);
    await expect(documents.walk(documents.nest(9))).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      message: 'Cannot use image "acme/web:v1": its indexes are nested too deeply',
    });
  });

  test("measures the depth by the longest way, whichever comes first", async () => {
    const documents = new Documents();
    const low = documents.nest(4);
    let chain = low;
    for (let level = 0; level < 4; level++) chain = documents.index([chain]);
    for (const children of [
      [low, chain],
      [chain, low],
    ]) {
      const documentsOf = documents.walk(documents.index(children));
      await expect(documentsOf).rejects.toThrow(/nested too deeply/);
    }
  });

  test("refuses a manifest whose size is not the one that its parent says", async () => {
    const documents = new Documents();
    const child = documents.manifest("child");
    const root = documents.index([{ ...child, size: child.size + 1 }]);
    await expect(documents.walk(root)).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
      digest: child.digest,
      message: expect.stringContaining('image "acme/web:v1" says'),
    });
  });

  test("refuses two sizes of one digest", async () => {
    const documents = new Documents();
    const layers = [blob("layer"), { ...blob("layer"), size: 4 }];
    const root = documents.add(MEDIA_TYPE.imageManifest, { config: blob("config"), layers });
    await expect(documents.walk(root.descriptor)).rejects.toThrow(/with 5 and with 4 bytes/);
  });

  test("refuses two types of one manifest", async () => {
    const documents = new Documents();
    const child = documents.manifest("child");
    const root = documents.index([child, { ...child, mediaType: MEDIA_TYPE.imageIndex }]);
    await expect(documents.walk(root)).rejects.toMatchObject({ code: "CONTENT_INVALID" });
  });

  test("bounds the number of manifests before it reads them", async () => {
    const documents = new Documents();
    const child = documents.manifest("child");
    const children = Array.from({ length: 10_001 }, (_, position) => ({
      ...child,
      digest: digestOf(`${position}`),
    }));
    await expect(documents.walk(documents.index(children))).rejects.toThrow(
      /more than 10000 manifests/,
    );
    expect(documents.reads).toHaveLength(1);
  });

  test("bounds how often they name something", async () => {
    const documents = new Documents();
    const leaf = documents.manifest("leaf");
    const many = Array.from({ length: 25_001 }, () => leaf);
    const wide = Array.from({ length: 10 }, (_, position) =>
      documents.index([documents.manifest(`${position}`), ...many]),
    );
    await expect(documents.walk(documents.index(wide))).rejects.toThrow(
      /list more than 250000 descriptors/,
    );
  });

  test("lets the event loop turn, so that it can be cancelled where everything is in memory", async () => {
    const documents = new Documents();
    const root = documents.index(
      Array.from({ length: 2_000 }, (_, position) => documents.manifest(`${position}`)),
    );
    const controller = new AbortController();
    const walk = documents.walk(root, { signal: controller.signal });
    setImmediate(() => setImmediate(() => controller.abort(new Error("enough"))));
    await expect(walk).rejects.toThrow("enough");
  });

  test("has nothing running when it fails", async () => {
    const documents = new Documents();
    const children = Array.from({ length: 20 }, (_, position) => documents.manifest(`${position}`));
    const root = documents.index(children);
    let running = 0;
    const walk = documents.walk(root, {
      read: async (target) => {
        if (target.digest === root.digest) return documents.read(target);
        if (target.digest === children[0]?.digest) throw new Error("gone");
        running += 1;
        await nextTurn();
        await nextTurn();
        running -= 1;
        return undefined;
      },
    });
    await expect(walk).rejects.toThrow("gone");
    expect(running).toBe(0);
  });

  test("walks an artifact to its blobs", async () => {
    const built = artifact();
    const { blobs } = await walkGraph(built.manifest.descriptor, {
      subject: "artifact",
      read: async () => built.manifest.bytes,
    });
    expect(blobs).toHaveLength(2);
  });
});

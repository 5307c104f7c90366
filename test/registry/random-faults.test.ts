import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { blobOf, manifestOf } from "./support/content.ts";
import { startSession } from "./support/session.ts";

const KIB = 1024;

describe("twenty images", () => {
  test.each([1, 2, 3, 4])("go up and come back through random faults, seed %i", async (seed) => {
    const random = { rate: 0.1, seed };
    await using session = await startSession({ random }, { partSizeBytes: 300 * KIB });
    const config = blobOf(Buffer.from("{}"));
    const images = Array.from({ length: 20 }, () => {
      const layer = blobOf(randomBytes(700 * KIB));
      return { layer, manifest: manifestOf(config.bytes, layer.bytes) };
    });
    await Promise.all(
      images.map(async ({ layer, manifest }, position) => {
        const repository = session.open(`acme/image-${position}`);
        await repository.push(config.expected, config.open);
        await repository.push(layer.expected, layer.open);
        await repository.pushManifest(manifest, "v1");
      }),
    );
    await Promise.all(
      images.map(async ({ layer, manifest }, position) => {
        const repository = session.open(`acme/image-${position}`);
        expect(await repository.fetchManifest("v1")).toEqual(manifest);
        const bytes = await buffer(await repository.fetch(layer.expected));
        expect(bytes.equals(layer.bytes)).toBe(true);
      }),
    );
    expect(session.events.length).toBeGreaterThan(0);
  });
});

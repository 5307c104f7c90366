import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { expect } from "vitest";
import { createStaticCredentials } from "../../src/registry/auth/credentials.ts";
import { openRegistryClient, type RegistryClient } from "../../src/registry/registry-client.ts";
import type { PushContentResult, UploadSession } from "../../src/store/store.ts";
import { startCountingProxy } from "../support/counting-proxy.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { MARKER } from "../support/secrets.ts";
import { requireTool } from "../support/tool.ts";
import { blobOf, collect, manifestOf } from "./support/content.ts";

const { describe, test } = requireTool("docker-registry", "htpasswd");

const MIB = 1024 * 1024;

describe("a real docker-registry", () => {
  test("takes an image and gives it back", async () => {
    await using registry = await startDockerRegistry();
    await using client = openRegistryClient();
    const repository = client.repository({ registry: registry.host, repository: "acme/web" });
    const [config, layer] = [blobOf(Buffer.from("{}")), blobOf(randomBytes(3 * MIB))];
    for (const { bytes, expected, open } of [config, layer]) {
      expect(await repository.exists(expected)).toBe(false);
      const result = await repository.push(expected, open);
      expect(result).toEqual({ outcome: "uploaded", sentBytes: bytes.length });
      const again = await repository.push(expected, open);
      expect(again).toEqual({ outcome: "already-there", sentBytes: 0 });
    }
    const image = manifestOf(config.bytes, layer.bytes);
    expect(await repository.exists(image.descriptor)).toBe(false);
    expect(await repository.pushManifest(image, "v1.0.0")).toBe(image.descriptor.digest);
    await repository.tag(image.descriptor, "latest");

    expect(await repository.exists(image.descriptor)).toBe(true);
    expect(await collect(repository.listTags())).toEqual(["latest", "v1.0.0"]);
    expect(await repository.resolve("v1.0.0")).toEqual(image.descriptor);
    expect(await repository.fetchManifest("latest")).toEqual(image);
    const whole = await buffer(await repository.fetch(layer.expected));
    expect(whole.equals(layer.bytes)).toBe(true);
    const rest = await buffer(await repository.fetch(layer.expected, { offset: MIB + 1 }));
    expect(rest.equals(layer.bytes.subarray(MIB + 1))).toBe(true);
  });

  test("takes a large blob in parts, read straight through, and mounts it elsewhere", async () => {
    await using registry = await startDockerRegistry();
    await using client = openRegistryClient();
    const from = client.repository({ registry: registry.host, repository: "a" });
    const to = client.repository({ registry: registry.host, repository: "b" });
    const { bytes, expected, open, opened } = blobOf(randomBytes(90 * MIB));
    const progress: number[] = [];
    const onProgress = (sent: number) => progress.push(sent);
    const result = await from.push(expected, open, { onProgress });
    expect(result).toEqual({ outcome: "uploaded", sentBytes: bytes.length });
    expect(opened).toEqual([0]);
    expect(progress.at(-1)).toBe(bytes.length);
    const mounted = await to.push(expected, open, { mountFrom: "a" });
    expect(mounted).toEqual({ outcome: "mounted", sentBytes: 0 });
    expect(await to.exists(expected)).toBe(true);
  });

  test("takes small blobs with three requests each, asked for and looked at, and none that is there", async () => {
    await using registry = await startDockerRegistry();
    let requests = 0;
    const reference = { registry: registry.host, repository: "acme/web" };
    const pushEach = async (
      client: RegistryClient,
      blobs: readonly ReturnType<typeof blobOf>[],
    ) => {
      const repository = client.repository(reference);
      const results: PushContentResult[] = [];
      for (const { bytes, expected, open } of blobs) {
        const options = { readAll: async () => bytes };
        results.push(await repository.push(expected, open, options));
        expect(await repository.exists(expected)).toBe(true);
      }
      return results;
    };
    const some = (count: number) => Array.from({ length: count }, () => blobOf(randomBytes(500)));
    const there = some(3);
    {
      await using before = openRegistryClient();
      await pushEach(before, there);
    }
    await using client = openRegistryClient({
      onEvent: ({ type }) => {
        if (type === "request") requests += 1;
      },
    });
    await pushEach(client, some(70));
    requests = 0;
    for (const { sentBytes } of await pushEach(client, some(3))) expect(sentBytes).toBe(500);
    expect(requests).toBe(9);
    for (const result of await pushEach(client, there)) {
      expect(result).toEqual({ outcome: "already-there", sentBytes: 0 });
    }
  });

  test("lets in who has the password and names the remedy to others", async () => {
    const user = { username: "robot", password: `p:${MARKER}` };
    await using registry = await startDockerRegistry({ htpasswd: user });
    const origin = "--source-login";
    const credentials = createStaticCredentials({ registry: registry.host, ...user, origin });
    await using client = openRegistryClient({ credentials });
    const reference = { registry: registry.host, repository: "acme/web" };
    const { expected, open } = blobOf(Buffer.from("content"));
    expect((await client.repository(reference).push(expected, open)).outcome).toBe("uploaded");
    await using stranger = openRegistryClient();
    const failure = await stranger
      .repository(reference)
      .exists(expected)
      .catch((error) => error);
    expect(failure).toMatchObject({ code: "REGISTRY_DENIED", status: 401 });
    expect(failure.hint).toMatch(/No credentials were found .*`storeLogin`, or use `login`/);
  });

  test("goes on with an upload after client and registry were restarted", async () => {
    await using registry = await startDockerRegistry();
    const { bytes, expected, open } = blobOf(randomBytes(20 * MIB));
    const saved: (UploadSession | undefined)[] = [];
    const session = {
      load: () => saved.at(-1),
      save: async (state: UploadSession | undefined) => void saved.push(state),
    };
    const reference = { registry: registry.host, repository: "acme/web" };
    {
      await using client = openRegistryClient({ partSizeBytes: 4 * MIB });
      const controller = new AbortController();
      const onProgress = (sent: number) => {
        if (sent > 9 * MIB) controller.abort(new Error("interrupted"));
      };
      const options = { session, onProgress, signal: controller.signal };
      const pushing = client.repository(reference).push(expected, open, options);
      await expect(pushing).rejects.toThrow("interrupted");
    }
    expect(saved.at(-1)?.offset).toBe(12 * MIB);
    await registry.stop();
    await registry.start();
    await using client = openRegistryClient({ partSizeBytes: 4 * MIB });
    const result = await client.repository(reference).push(expected, open, { session });
    const resumedBytes = 12 * MIB;
    const sentBytes = bytes.length - resumedBytes;
    expect(result).toEqual({ outcome: "uploaded", sentBytes, resumedBytes });
  });

  test.each(["request", "response"] as const)(
    "gets a blob through a connection that is cut in the %s",
    async (direction) => {
      await using registry = await startDockerRegistry();
      await using proxy = await startCountingProxy(registry.host);
      await using client = openRegistryClient({ partSizeBytes: 4 * MIB });
      const reference = { registry: proxy.host, repository: "acme/web" };
      const repository = client.repository(reference);
      const { bytes, expected, open } = blobOf(randomBytes(10 * MIB));
      const cut = proxy.cut({ afterBytes: 6 * MIB, direction, path: /\/blobs\// });
      expect((await repository.push(expected, open)).outcome).toBe("uploaded");
      const found = await buffer(await repository.fetch(expected));
      expect(found.equals(bytes)).toBe(true);
      await cut;
      expect(proxy.downloadedBytes).toBeLessThan(bytes.length + 2 * MIB);
    },
  );
});

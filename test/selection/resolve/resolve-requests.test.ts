import { describe, expect, test } from "vitest";
import { formatReference } from "../../../src/oci/reference.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import {
  type MemorySource,
  memorySource,
  moduleRepositories,
  namedImage,
} from "../../support/memory-source.ts";
import { allChannels, CATALOG, CONSOLE, resolve } from "../support/resolve-modules.ts";

describe("resolveSelection(): requests", () => {
  const CATALOGUE = {
    ...CATALOG,
    ...CONSOLE,
    ...moduleRepositories({ name: "code", versions: ["v1.0.0"], channels: allChannels("v1.0.0") }),
    web: Object.fromEntries(["v1.0.0", "v1.1.0"].map((tag) => [tag, namedImage(tag)])),
  };
  const wishes = {
    includeModules: ["console@^1.40", "code"],
    includeImages: ["registry.test/web@^1", "registry.test/web@~1.1", "registry.test/web:v1.0.0"],
  };

  test("asks for nothing twice, and opens each repository once", async () => {
    const source = memorySource(CATALOGUE);
    const opened: string[] = [];
    const openSource: MemorySource["openSource"] = (reference) => {
      opened.push(formatReference(reference));
      return source.openSource(reference);
    };
    await resolve({ ...source, openSource }, wishes);
    const requests = source.requests.filter((request) => !request.startsWith("blob"));
    expect(requests.toSorted()).toEqual([...new Set(requests)].sort());
    expect(opened.toSorted()).toEqual([...new Set(opened)].sort());
    const images = requests.filter(
      (request) => request.endsWith(" web") || request.includes(" web:"),
    );
    expect(images.toSorted()).toEqual(["get web:v1.0.0", "get web:v1.1.0", "tags web"]);
  });

  test("reads one release image once, however many channels carry it", async () => {
    const source = memorySource(CATALOGUE);
    await resolve(source, { includeModules: ["code"] });
    const blobs = source.requests.filter((request) => request === "blob acme/modules/code/release");
    expect(blobs).toHaveLength(1);
  });

  test.each([1, 3])("never has more than %d requests at once", async (concurrency) => {
    let running = 0;
    let most = 0;
    const source = memorySource(CATALOGUE, {
      onRequest: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
      },
    });
    await resolve(source, wishes, { concurrency });
    expect(most).toBe(concurrency);
  });

  test("gives the same answer in whatever order the registry answers", async () => {
    const outcomes = await Promise.all(
      [0, 1, 2].map(async (seed) => {
        let count = 0;
        const source = memorySource(CATALOGUE, {
          onRequest: async (request) => {
            count += 1;
            for (let turn = (request.length * count * (seed + 1)) % 7; turn > 0; turn -= 1) {
              await new Promise(setImmediate);
            }
          },
        });
        return JSON.stringify((await resolve(source, wishes)).roots);
      }),
    );
    expect(new Set(outcomes).size).toBe(1);
  });

  test("reports what it asks for", async () => {
    const { selection } = parseSelection({ includeImages: ["registry.test/web@^1"] });
    const asked: string[] = [];
    await resolveSelection(selection, {
      openSource: memorySource(CATALOGUE).openSource,
      onResolving: (reference) => asked.push(reference),
    });
    expect(asked).toEqual([
      "registry.test/web",
      "registry.test/web:v1.0.0",
      "registry.test/web:v1.1.0",
    ]);
  });
});

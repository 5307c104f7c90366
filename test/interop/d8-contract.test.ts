import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runMirror } from "../support/cli.ts";
import { EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

/** A package as others see it: what GNU tar lists and unpacks. Nothing here is read by the program's own code. */
interface UnpackedPackage {
  readonly name: string;
  /** Lines of `tar -tv`. */
  readonly listing: readonly string[];
  /** Paths of the layouts, each with its `index.json`. */
  readonly layouts: ReadonlyMap<string, readonly Descriptor[]>;
  readonly root: string;
  /** Files, relative to `root`. */
  readonly files: ReadonlySet<string>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

const SHORT_TAG = "io.deckhouse.image.short_tag";
const REF_NAME = "org.opencontainers.image.ref.name";

let directory: TempDirectory;
let source: FaultRegistry;
let packages: readonly UnpackedPackage[];

/** What `d8 mirror push` needs of a bundle: that of the whole edition, in chunks. */
requireTool("tar", "sh").describe("a bundle as d8 mirror push needs it", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await startFaultRegistry();
    seedEdition(source);
    const from = ["--source", `${source.host}/${EDITION_ROOT}`];
    const pulled = await runMirror(["pull", "b", ...from, "-c", "60KB"], { cwd: directory.path });
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    const files = await readdir(directory.resolve("b"));
    const names = new Set(files.flatMap((file) => /^(.+)\.tar/.exec(file)?.[1] ?? []));
    packages = await Promise.all([...names].map(unpack));
  });

  afterAll(async () => {
    await source?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  test("has the packages of the new generation, in chunks whose names it takes", async () => {
    expect(packages.map(({ name }) => name).sort()).toEqual([
      ...["installer", "module-console", "module-neuvector", "package-postgres"],
      ...["package-versions", "platform", "plugin-console-tool", "security"],
    ]);
    const files = (await readdir(directory.resolve("b"))).filter((name) => name.includes(".tar"));
    expect(files).toContain("platform.tar.0001.chunk");
    for (const file of files) expect(file).toMatch(/^.+\.tar\.\d{4,}\.chunk$/);
  });

  test("has regular files only, each in a layout", () => {
    for (const { listing, files, layouts } of packages) {
      expect(listing.filter((line) => !line.startsWith("-"))).toEqual([]);
      const paths = [...layouts.keys()].map((path) => (path === "" ? "" : `${path}/`));
      const known = /^(?:index\.json|oci-layout|blobs\/sha256\/[0-9a-f]{64})$/;
      const strange = [...files].filter(
        (file) =>
          !paths.some((path) => file.startsWith(path) && known.test(file.slice(path.length))),
      );
      expect(strange).toEqual([]);
    }
  });

  test("has layouts at the paths of their repositories, modules below modules/<name>", () => {
    for (const { name, layouts } of packages) {
      expect(layouts.size).toBeGreaterThan(0);
      const above = /^(?:installer|plugin-)/.test(name) ? "deckhouse" : EDITION_ROOT;
      for (const [path, images] of layouts) {
        const place = [source.host, above, path].filter((part) => part !== "").join("/");
        const repositories = images.map(({ annotations }) =>
          annotations?.[REF_NAME]?.replace(/(?:@.*|:[^:/]*)$/, ""),
        );
        expect(new Set(repositories)).toEqual(new Set([place]));
        const [, module] = /^modules\/([^/]+)/.exec(path) ?? [];
        expect(module && `module-${module}`).toBe(name.startsWith("module-") ? name : undefined);
      }
    }
  });

  test("has a short tag on every descriptor, none twice, and the hex of digests", () => {
    for (const images of packages.flatMap(({ layouts }) => [...layouts.values()])) {
      const tags = images.map(({ annotations }) => annotations?.[SHORT_TAG]);
      expect(tags).not.toContain(undefined);
      expect(new Set(tags).size).toBe(tags.length);
      for (const { annotations = {} } of images) {
        const [, hex] = /@sha256:(.*)$/.exec(annotations[REF_NAME] ?? "") ?? [];
        if (hex) expect(annotations[SHORT_TAG]).toBe(hex);
      }
    }
  });

  test("has every blob of a layout inside that layout, and no other", async () => {
    for (const { layouts, root, files } of packages) {
      for (const [path, images] of layouts) {
        const needed = new Set<string>();
        for (const image of images) await checkContent(image, { root, path, needed });
        const there = [...files].filter((file) => file.startsWith(join(path, "blobs/")));
        expect(there.sort()).toEqual([...needed].sort());
      }
    }
  });
});

interface Document {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

interface Place {
  readonly root: string;
  readonly path: string;
  /** Gets the names of all files that the image needs. */
  readonly needed: Set<string>;
}

/** The bytes of a descriptor, and of all below it, are in the layout. */
async function checkContent(descriptor: Descriptor, place: Place): Promise<void> {
  const { digest, mediaType, size } = descriptor;
  const name = join(place.path, "blobs", ...digest.split(":"));
  place.needed.add(name);
  const bytes = await readFile(join(place.root, name));
  expect([bytes.length, hashOf(bytes)]).toEqual([size, digest]);
  if (!/(?:manifest|index|list)\.v\d\+json$/.test(mediaType)) return;
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString()) as Document;
  const children = [...(config ? [config] : []), ...layers, ...manifests];
  for (const child of children) await checkContent(child, place);
}

function hashOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function unpack(name: string): Promise<UnpackedPackage> {
  const root = directory.resolve("unpacked", name);
  await mkdir(root, { recursive: true });
  const script = 'cat "$1".tar.*.chunk | tar -x -C "$2"; cat "$1".tar.*.chunk | tar -tv';
  const { exitCode, stdout, stderr } = await runProcess(
    "sh",
    ["-c", script, "sh", directory.resolve("b", name), root],
    {},
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const layouts = new Map<string, readonly Descriptor[]>();
  for (const file of files.filter((path) => /(?:^|\/)index\.json$/.test(path))) {
    const index = JSON.parse(await readFile(join(root, file), "utf8")) as Document;
    layouts.set(file.replace(/\/?index\.json$/, ""), index.manifests ?? []);
  }
  return { name, root, listing: stdout.trim().split("\n"), layouts, files: new Set(files) };
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";

/** One image of a layout as `d8 mirror` lists it. */
export interface D8Image {
  readonly artifact: BuiltArtifact;
  /** Missing: the descriptor has no short tag. */
  readonly tag?: string;
  /** Default: a reference of the registry it would have come from. */
  readonly refName?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface D8LayoutOptions {
  /** The generation of the program: each has its own mistakes in `index.json`. */
  readonly generation: "old" | "new";
  /** Other files of the layout. */
  readonly extra?: Readonly<Record<string, string>>;
  readonly withoutOciLayout?: boolean;
}

type Files = ReadonlyMap<string, Buffer>;

/** The files of one layout, without its path. */
export async function d8Layout(
  images: readonly D8Image[],
  { generation, extra = {}, withoutOciLayout = false }: D8LayoutOptions,
): Promise<Files> {
  const files = new Map<string, Buffer>();
  for (const { artifact } of images) await addArtifact(files, artifact);
  for (const [name, content] of Object.entries(extra)) files.set(name, Buffer.from(content));
  const manifests = images.map(({ artifact, tag, refName, annotations }) => ({
    ...artifact.manifest.descriptor,
    platform:
      generation === "old" ? { architecture: "amd64", os: "linux" } : { architecture: "", os: "" },
    annotations: {
      ...(refName === "" ? {} : { [REF_NAME]: refName ?? `registry.test/deckhouse/ee:${tag}` }),
      ...(tag === undefined ? {} : { "io.deckhouse.image.short_tag": tag }),
      ...annotations,
    },
  }));
  const index = {
    schemaVersion: 2,
    mediaType: `application/vnd.oci.image.${generation === "old" ? "index" : "layout"}.v1+json`,
    manifests: manifests.length > 0 ? manifests : null,
  };
  files.set("index.json", Buffer.from(JSON.stringify(index)));
  if (!withoutOciLayout) files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  return files;
}

const REF_NAME = "org.opencontainers.image.ref.name";

async function addArtifact(files: Map<string, Buffer>, artifact: BuiltArtifact): Promise<void> {
  const { manifest, blobs, children } = artifact;
  files.set(pathOf(manifest.descriptor.digest), manifest.bytes);
  for (const { descriptor, content } of blobs) {
    files.set(pathOf(descriptor.digest), await buffer(content.open(0, content.size)));
  }
  for (const child of children) await addArtifact(files, child);
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Layouts below their paths → the bytes of a package, entries in the order of a lexical walk. */
export function d8Package(layouts: Readonly<Record<string, Files>>): Buffer {
  const entries = Object.entries(layouts).flatMap(([path, files]) =>
    [...files].map(([name, bytes]) => [path === "" ? name : `${path}/${name}`, bytes] as const),
  );
  return gnuTar(entries.sort(([left], [right]) => compareWalk(left, right)));
}

/** Directories are walked by name: `install/…` comes before `install-standalone/…`. */
function compareWalk(left: string, right: string): number {
  const [a, b] = [left.split("/"), right.split("/")];
  const at = a.findIndex((part, position) => part !== b[position]);
  return (a[at] ?? "") < (b[at] ?? "") ? -1 : 1;
}

/** A tar in the GNU format with the header fields of `d8 mirror`: mode 0777, no time, no owner. */
export function gnuTar(entries: readonly (readonly [string, Buffer])[]): Buffer {
  return Buffer.concat([
    ...entries.flatMap(([path, bytes]) => gnuEntry(path, bytes)),
    Buffer.alloc(1024),
  ]);
}

/** A symbolic link, as `docker save` writes for a layer that it has written before. */
export function gnuLink(path: string, target: string): Buffer {
  return gnuHeader(path, 0, "2", target);
}

function gnuEntry(path: string, bytes: Buffer): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const long =
    name.length > 101
      ? [gnuHeader("././@LongLink", name.length, "L"), name, paddingFor(name.length)]
      : [];
  const type = path.endsWith("/") ? "5" : "0";
  return [...long, gnuHeader(path, bytes.length, type), bytes, paddingFor(bytes.length)];
}

function gnuHeader(path: string, size: number, type: string, target = ""): Buffer {
  const block = Buffer.alloc(512);
  block.write(path.slice(0, 100), 0, "latin1");
  block.write("0000777\0", 100, "latin1");
  block.write("0000000\0", 108, "latin1");
  block.write("0000000\0", 116, "latin1");
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  block.write("00000000000\0", 136, "latin1");
  block.write(target, 157, "latin1");
  block.write("        ", 148, "latin1");
  block.write(type, 156, "latin1");
  block.write("ustar  \0", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function paddingFor(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}

/** Writes a package as chunks of the given sizes, the rest as the last one. */
export async function writeChunks(
  directory: string,
  name: string,
  { tar, sizes }: { readonly tar: Buffer; readonly sizes: readonly number[] },
): Promise<void> {
  let start = 0;
  for (const [position, size] of [...sizes, tar.length].entries()) {
    const file = `${name}.tar.${String(position).padStart(4, "0")}.chunk`;
    await writeFile(join(directory, file), tar.subarray(start, start + size));
    start = Math.min(start + size, tar.length);
  }
}

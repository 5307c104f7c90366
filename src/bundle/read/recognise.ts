import { basename, dirname, join } from "node:path";
import { call } from "../../option.ts";
import { BUNDLE_MANIFEST_FILE, CHECKSUM_FILE, parsePackageFile } from "../format/format.ts";
import { type Compression, compressionOf } from "../format/magic.ts";
import { isDockerFile } from "./docker-archive.ts";

/** What something is that is no bundle, and the command that makes one of it. */
export interface Recognised {
  readonly reason: string;
  readonly hint: string;
}

const SUFFIX_OF: Readonly<Record<Compression, string>> = {
  gzip: "gz",
  zstd: "zst",
  xz: "xz",
  bzip2: "bz2",
  zip: "zip",
  "7z": "7z",
  rar: "rar",
};

/** Those that hold files with names of their own. */
const ARCHIVERS: Readonly<Partial<Record<Compression, string>>> = {
  zip: "unzip",
  "7z": "7z x",
  rar: "unrar x",
};

const COMPRESSED_NAME = /\.(?:tgz|tzst|txz|tbz2?|gz|zst|xz|bz2|zip|7z|rar)$/i;

/** A file that is compressed, by its first bytes; undefined for any other. */
export function recogniseBytes(path: string, head: Uint8Array): Recognised | undefined {
  const compression = compressionOf(head);
  if (compression === undefined) return undefined;
  const reason = `it is compressed with ${compression}, and a package is read at any position`;
  return { reason, hint: `Unpack it first: ${unpackCommand(path, compression)}` };
}

function unpackCommand(path: string, compression: Compression): string {
  const [file, suffix] = [quote(path), SUFFIX_OF[compression]];
  const archiver = ARCHIVERS[compression];
  if (archiver !== undefined) return `${archiver} ${file}`;
  const { packageName, chunk } = parsePackageFile(basename(path)) ?? {};
  if (packageName !== undefined && chunk !== undefined) {
    const chunks = `${quote(path.slice(0, -"0000.chunk".length))}*.chunk`;
    return `cat ${chunks} | ${compression} -d > ${quote(`${packageName}-whole.tar`)}`;
  }
  const short = /\.(tgz|tzst|txz|tbz2?)$/i.exec(path)?.[0];
  if (short !== undefined) {
    return `${compression} -dc ${file} > ${quote(`${path.slice(0, -short.length)}.tar`)}`;
  }
  if (path.toLowerCase().endsWith(`.${suffix}`)) return `${compression} -dk ${file}`;
  const renamed = quote(`${path}.${suffix}`);
  return `mv ${file} ${renamed} && ${compression} -d ${renamed}`;
}

/** A layer in an archive of `imgpkg copy --to-tar`, whose `manifest.json` is another one than that of `docker save`. */
export function isImgpkgFile(path: string): boolean {
  return /^sha256-[0-9a-f]{64}\.tar\.gz$/.test(path);
}

/** A tar of files that no layout has. */
export function recogniseEntries(path: string, names: readonly string[]): Recognised {
  if (names.some(isImgpkgFile)) {
    const hint = `Let "imgpkg copy" bring it from ${quote(path)} into a registry, and ${call("pull")} from there`;
    return { reason: "it is an archive of imgpkg", hint };
  }
  const files = names.map((name) => basename(name));
  const isBundle = files.some(
    (name) => [BUNDLE_MANIFEST_FILE, CHECKSUM_FILE].includes(name) || parsePackageFile(name),
  );
  if (isBundle) {
    const hint = `Unpack it, and name the directory that comes out of it: tar -xf ${quote(path)}`;
    return { reason: "it is a tar of the directory of a bundle", hint };
  }
  const example = names.slice(0, 2).map((name) => `"${name}"`);
  const reason = `it is a tar of other files (${example.join(", ")}${names.length > 2 ? ", …" : ""}) and holds no image`;
  const isRoot = names.some((name) => /^(?:\.dockerenv|etc\/|usr\/)/.test(name));
  return isRoot
    ? {
        reason,
        hint: "A file system is no image: write the image itself, docker save -o FILE IMAGE",
      }
    : { reason, hint: "Name a bundle, an image layout or an archive of docker save" };
}

/** A file that is no tar, by its name. */
export function recogniseName(path: string): { readonly reason: string; readonly hint?: string } {
  if ([BUNDLE_MANIFEST_FILE, CHECKSUM_FILE].includes(basename(path))) {
    return { reason: "it is one file of a bundle", hint: "Name the directory that it lies in" };
  }
  if (["index.json", "oci-layout"].includes(basename(path))) {
    const hint = "Name the directory that it lies in";
    return { reason: "it is one file of an image layout", hint };
  }
  const original = originalName(basename(path));
  if (parsePackageFile(original)) {
    const twin = recogniseTwin(dirname(path), original, [basename(path)]);
    if (twin) return twin;
  }
  return {
    reason: "it is neither a directory nor a package (NAME.tar, NAME.tar.NNNN.chunk, NAME.oci)",
  };
}

/** A directory that has no file of a bundle; `nested` are directories in it that are a bundle or an image layout. */
export function recogniseDirectory(
  directory: string,
  names: readonly string[],
  nested: readonly string[] = [],
): Recognised {
  if (names.length === 0) {
    const hint = `Mount the medium, or name the directory that ${call("pull")} has written`;
    return { reason: "the directory is empty", hint };
  }
  const wanted = names.flatMap((name) => {
    const original = originalName(name);
    const isPart = original === BUNDLE_MANIFEST_FILE || parsePackageFile(original);
    return isPart ? [{ name, original }] : [];
  });
  const [first] = wanted;
  if (first) {
    const twin = recogniseTwin(directory, first.original, [first.name]);
    if (twin)
      return wanted.length > 1 ? { ...twin, hint: `${twin.hint}; likewise the others` } : twin;
  }
  // What `skopeo copy … dir:` and `skopeo sync --dest dir` write: blobs lie beside the manifest, named by their hex
  if (names.includes("manifest.json") && names.includes("version")) {
    const from = quote(`dir:${directory}`);
    const hint = `Let skopeo write it as an image layout, all of it and with its digests: from ${from} to oci:layout:TAG`;
    return { reason: 'it is an image as skopeo writes it to "dir:"', hint };
  }
  if (names.includes("manifest.json") && names.some(isDockerFile)) {
    const hint = `Pack it again: tar -cf saved.tar -C ${quote(directory)} .`;
    return { reason: 'it is an unpacked archive of "docker save"', hint };
  }
  if (names.includes("oci-layout") || names.includes("blobs")) {
    const hint = `Write the layout again: nothing but "index.json" says which images it has`;
    return { reason: 'it is an image layout without its "index.json"', hint };
  }
  const reason = "it holds no bundle.json and no package file (NAME.tar, NAME.tar.NNNN.chunk)";
  return { reason, hint: hintOfOthers(names, nested) };
}

function hintOfOthers(names: readonly string[], nested: readonly string[]): string {
  if (nested.length > 0) {
    const few = nested.slice(0, 3).map(quote);
    return `Name what is in it: ${few.join(", ")}${nested.length > few.length ? ", …" : ""}`;
  }
  return names.includes("docker")
    ? "If it is the storage of docker-registry, start one over it, and pull from that"
    : `Name the directory that ${call("pull")} has written`;
}

/** What a missing file may have become: it is there in upper case, as a copy with a number, or compressed. */
export function recogniseTwin(
  directory: string,
  missing: string,
  names: readonly string[],
): Recognised | undefined {
  const twin = names.find((name) => name !== missing && isTwin(name, missing));
  if (twin === undefined) return undefined;
  const [from, to] = [join(directory, twin), join(directory, missing)];
  if (COMPRESSED_NAME.test(twin)) {
    const suffix = twin.slice(missing.length + 1).toLowerCase();
    const compression = COMPRESSIONS.find((one) => SUFFIX_OF[one] === suffix) ?? "gzip";
    const hint = `Unpack it: ${unpackCommand(from, compression)}`;
    return { reason: `only "${twin}" is there, which is compressed`, hint };
  }
  const isCase = twin.toLowerCase() === missing.toLowerCase();
  return {
    reason: `only "${twin}" is there, ${isCase ? "in letters of the other case" : "as a copy is called"}`,
    hint: `Rename it: mv ${quote(from)} ${quote(to)}`,
  };
}

const COMPRESSIONS: readonly Compression[] = ["gzip", "zstd", "xz", "bzip2", "zip", "7z", "rar"];

function isTwin(name: string, missing: string): boolean {
  return originalName(name).toLowerCase() === missing.toLowerCase();
}

/** `IMAGES.TAR`, `images (1).tar`, `images - Copy.tar`, `Copy of images.tar`, `images.tar.gz` → `images.tar` */
export function originalName(name: string): string {
  const bare = name
    .replace(COMPRESSED_NAME, (suffix) => (/^\.t/i.test(suffix) ? ".tar" : ""))
    .replace(/^copy of /i, "")
    .replace(/ - copy(?: \(\d+\))?| ?\(\d+\)/i, "");
  const isUpper = bare === bare.toUpperCase();
  return isUpper && bare !== CHECKSUM_FILE ? bare.toLowerCase() : bare;
}

/** A text that an editor or a transfer has changed; undefined if it is as it was written. */
export function recogniseText(path: string, bytes: Buffer): Recognised | undefined {
  const file = quote(path);
  if (isUtf16(bytes)) {
    const hint = `Turn it back: iconv -f UTF-16 -t UTF-8 ${file} | tr -d '\\r' > fixed && mv fixed ${file}`;
    return { reason: "it was saved as UTF-16", hint };
  }
  const hasMark = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
  const hasReturns = bytes.includes("\r\n");
  if (!hasMark && !hasReturns) return undefined;
  const mark = hasMark ? "it begins with a byte order mark" : "";
  const returns = hasReturns ? "its lines end as those of Windows do" : "";
  const scripts = [
    ...(hasMark ? ["-e '1s/^\\xEF\\xBB\\xBF//'"] : []),
    ...(hasReturns ? ["-e 's/\\r$//'"] : []),
  ];
  return {
    reason: [mark, returns].filter((part) => part !== "").join(", and "),
    hint: `Turn it back: sed -i ${scripts.join(" ")} ${file}`,
  };
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

function isUtf16(bytes: Buffer): boolean {
  return ["fffe", "feff"].includes(bytes.toString("hex", 0, 2));
}

/** The text as it was written, as far as that can be told. */
export function restoreText(bytes: Buffer): Buffer {
  const text = isUtf16(bytes)
    ? new TextDecoder(bytes[0] === 0xff ? "utf-16le" : "utf-16be").decode(bytes)
    : bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  return Buffer.from(text.replaceAll("\r\n", "\n"), "latin1");
}

/** A word of a shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

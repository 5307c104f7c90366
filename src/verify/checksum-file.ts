import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BundleManifest } from "../bundle/bundle-manifest.ts";
import { BUNDLE_MANIFEST_FILE, CHECKSUM_FILE } from "../bundle/format.ts";
import { hasErrorCode, storageError } from "../io/errors.ts";
import type { Problem } from "./report.ts";

/** `SHA256SUMS` and `bundle.json` must say the same; a bundle of another program has neither. */
export async function verifyChecksumFile(
  directory: string,
  manifest: BundleManifest | undefined,
): Promise<Problem[]> {
  if (!manifest) return [];
  const path = join(directory, CHECKSUM_FILE);
  const found = await readFile(path, "utf8").catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw storageError(error, path);
  });
  if (found === undefined) {
    return [
      problem("CONTENT_MISSING", CHECKSUM_FILE, `Cannot open "${path}": the file is missing`),
    ];
  }
  const json = await readFile(join(directory, BUNDLE_MANIFEST_FILE));
  const wanted = new Map(
    manifest.packages.flatMap(({ files }) => files.map(({ name, sha256 }) => [name, sha256])),
  );
  wanted.set(BUNDLE_MANIFEST_FILE, createHash("sha256").update(json).digest("hex"));
  const listed = new Map(
    found.split("\n").flatMap((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sha256 && name ? [[name, sha256] as const] : [];
    }),
  );
  return [...wanted].flatMap(([name, sha256]) =>
    listed.get(name) === sha256
      ? []
      : [
          problem(
            "BUNDLE_CORRUPT",
            name,
            `"${CHECKSUM_FILE}" and "${BUNDLE_MANIFEST_FILE}" disagree about "${name}"`,
          ),
        ],
  );
}

function problem(code: Problem["code"], file: string, message: string): Problem {
  return { code, file, message, hint: "Copy the file again from the source medium" };
}

import { join } from "node:path";
import { BundleCorruptError, BundleMissingError } from "../errors.ts";
import type { BundleManifest } from "./bundle-manifest.ts";
import type { FileProblem, FoundFile, FoundPackages } from "./listed-package.ts";

/** Compares the files that are there with those that `bundle.json` lists. */
export function compareFiles(
  directory: string,
  manifest: BundleManifest,
  found: readonly FoundFile[],
): FoundPackages & { readonly unlisted: readonly string[] } {
  const sizes = new Map(found.map((file) => [file.name, file.size]));
  const planned = manifest.packages.flatMap(({ files }) => files);
  const problems = planned.flatMap(({ name, size }) =>
    compareSize(join(directory, name), name, size, sizes.get(name)),
  );
  const names = new Set(planned.map(({ name }) => name));
  const packages = new Set(manifest.packages.map(({ name }) => name));
  const others = found.filter(({ name }) => !names.has(name));
  const isSurplus = ({ packageName }: FoundFile) => packages.has(packageName);
  const surplus = others.filter(isSurplus);
  return {
    packages: manifest.packages.map(({ name, files }) => ({
      name,
      files: files.map((file) => ({ name: file.name, size: file.size })),
    })),
    problems: [...problems, ...surplus.map((file) => surplusProblem(directory, file))],
    unlisted: others.filter((file) => !isSurplus(file)).map(({ name }) => name),
  };
}

function compareSize(
  path: string,
  file: string,
  wanted: number,
  found: number | undefined,
): FileProblem[] {
  if (found === wanted) return [];
  if (found === undefined) {
    const error = new BundleMissingError(path, "the file is missing", {
      hint: "Copy it from the source medium",
    });
    return [{ file, status: "missing", size: 0, error }];
  }
  const reason = `the file has ${found} bytes, "bundle.json" says ${wanted}`;
  const error = new BundleCorruptError({ path, offset: Math.min(found, wanted) }, reason);
  return [{ file, status: found < wanted ? "truncated" : "surplus", size: found, error }];
}

function surplusProblem(directory: string, { name, size }: FoundFile): FileProblem {
  const error = new BundleCorruptError(
    { path: join(directory, name), offset: 0 },
    'it claims a place in a package, but "bundle.json" does not list it',
    { hint: "Remove the file: it belongs to another bundle" },
  );
  return { file: name, status: "surplus", size, error };
}

import type { BundleCorruptError, BundleMissingError } from "../errors.ts";
import type { PlannedFile } from "../format/bundle-plan.ts";

/** One package as it lies on the medium: its files in order, with the sizes they have. */
export interface ListedPackage {
  readonly name: string;
  readonly files: readonly PlannedFile[];
  /** The files are those of an image-layout directory, not the parts of a tar. */
  readonly isDirectory?: true;
}

/** A file whose name claims a place in a package. */
export interface FoundFile extends PlannedFile {
  readonly packageName: string;
  readonly chunk?: number;
}

export interface FileProblem {
  readonly file: string;
  readonly status: "missing" | "truncated" | "surplus";
  /** Bytes that are there. */
  readonly size: number;
  readonly error: BundleCorruptError | BundleMissingError;
}

/** What the files of a bundle are, and what is wrong with them. */
export interface FoundPackages {
  readonly packages: readonly ListedPackage[];
  /** What is wrong with the files themselves: missing, too short, too long, surplus, claimed twice. */
  readonly problems: readonly FileProblem[];
}

import { MirrorError } from "../errors.ts";
import type { Problem } from "./report.ts";

/** Collects problems, each cause once, and the images that suffer from it. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #images = new Map<Problem, Set<string>>();
  readonly #byEntry = new Map<string, Problem>();
  readonly #holes = new Map<number, Set<Problem>>();

  get problems(): readonly Problem[] {
    return this.#problems.map((problem) => {
      const images = [...(this.#images.get(problem) ?? [])].sort();
      return images.length > 0 ? { ...problem, images } : problem;
    });
  }

  /** Whether something is wrong with the file itself. */
  isKnown(file: string): boolean {
    return this.#problems.some((problem) => problem.file === file);
  }

  /** Enters an error of ours; any other is a bug and thrown on. */
  add(error: unknown, fields: Partial<Problem> = {}): Problem {
    if (!(error instanceof MirrorError)) throw error;
    const location =
      "location" in error ? (error.location as { path: string; offset: number }) : undefined;
    const path = "path" in error ? String(error.path) : "";
    const problem: Problem = {
      code: error.code,
      file: baseName(location?.path ?? path),
      ...(location ? { offset: location.offset } : {}),
      ...fields,
      message: error.message,
      ...(error.hint ? { hint: error.hint } : {}),
    };
    this.#problems.push(problem);
    return problem;
  }

  /** The entry of a package cannot be used because of the problem. */
  spoil(place: EntryName, problem: Problem): void {
    const key = keyOf(place);
    if (!this.#byEntry.has(key)) this.#byEntry.set(key, problem);
  }

  /** Entries of the package that are not found may be hidden by the problem. */
  addHole(index: number, problem: Problem): void {
    this.#holes.set(index, (this.#holes.get(index) ?? new Set()).add(problem));
  }

  spoilerOf(place: EntryName): Problem | undefined {
    return this.#byEntry.get(keyOf(place));
  }

  holesOf(index: number): readonly Problem[] {
    return [...(this.#holes.get(index) ?? [])];
  }

  /** The image needs what the problem spoils. */
  blame(problem: Problem, image: string): void {
    this.#images.set(problem, (this.#images.get(problem) ?? new Set()).add(image));
  }
}

export interface EntryName {
  readonly package: number;
  readonly path: string;
}

function keyOf(place: EntryName): string {
  return `${place.package}/${place.path}`;
}

/** Last part of a path of whichever system. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

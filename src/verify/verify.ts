import { refuseWhileWritten } from "../bundle/bundle-lock.ts";
import { noticesOf } from "../bundle/images/bundle-notices.ts";
import type { BundledTags } from "../bundle/images/bundled-tags.ts";
import type { BundleListing } from "../bundle/read/bundle-listing.ts";
import { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { FileProblem } from "../bundle/read/listed-package.ts";
import { listBundle } from "../bundle/read/package-listing.ts";
import { checkOptions } from "../check-options.ts";
import { compareTexts } from "../compare-texts.ts";
import type { Notice } from "../notice.ts";
import type { OperationOptions } from "../store/store.ts";
import { parsePolicy } from "../trust/policy.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";
import { attributeDamage } from "./attribute-damage.ts";
import { checkImages } from "./check-images.ts";
import { checkBundledSignatures } from "./check-signatures.ts";
import { enterEmptyPackages } from "./empty-packages.ts";
import { checkExtraFiles } from "./extra-files.ts";
import { baseName, Findings } from "./findings.ts";
import { checkGostSums, readGostSums } from "./gost-sums.ts";
import { type Problem, VERIFY_MEDIA_TYPE, type VerifiedFile, type VerifyReport } from "./report.ts";
import { type Survey, surveyPackage } from "./survey.ts";

export interface VerifyOptions extends OperationOptions {
  readonly bundlePath: string;
  /** What images have to be signed with; default: nothing. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  readonly onEvent?: ((event: VerifyEvent) => void) | undefined;
}

export type VerifyEvent =
  | { readonly type: "opened"; readonly files: number; readonly bytes: number }
  /** `bytes` more bytes were read. */
  | { readonly type: "progress"; readonly bytes: number };

/**
 * Reads every byte of a bundle and compares it with every digest that the bundle holds: of files, of blobs, of
 * manifests. Finds all problems, not the first one, and reports each cause once, with the images that suffer from it.
 * Needs no registry and writes nothing.
 */
export async function verifyBundle(options: VerifyOptions): Promise<VerifyReport> {
  checkOptions(options, { bundlePath: "text", onEvent: "function?", signal: "signal?" });
  const { bundlePath, onEvent, signal } = options;
  const policy = options.requireSignatures && (await parsePolicy(options.requireSignatures));
  const listing = await listBundle(bundlePath);
  const { claims } = listing;
  if (claims.manifest) await refuseWhileWritten(listing.directory);
  const findings = new Findings();
  for (const error of claims.problems) findings.add(error);
  const listed = enterFileProblems(listing.problems, findings);
  await checkExtraFiles(listing, findings);
  const gostSums = await readGostSums(listing, findings);
  const gost = new Set(gostSums.keys());
  const planned = listing.packages.flatMap(({ files }) => files);
  const bytes = planned.reduce((sum, { size }) => sum + size, 0);
  onEvent?.({ type: "opened", files: planned.length, bytes });
  await using reader = new BundleReader(listing);
  const available = new Map(
    [...listed].map(([name, { cause }]) => [
      name,
      cause.status === "surplus" ? Number.POSITIVE_INFINITY : cause.size,
    ]),
  );
  const surveys: Survey[] = [];
  for (const index of listing.packages.keys()) {
    const onProgress = (count: number) => onEvent?.({ type: "progress", bytes: count });
    const survey = await surveyPackage({
      reader,
      index,
      available,
      summed: claims.sha256,
      gost,
      onProgress,
      signal,
    });
    surveys.push(survey);
    enterFailure(survey, findings);
    await attributeDamage({ reader, survey, findings, listed, sha256: claims.sha256 });
    checkGostSums(survey.files, gostSums, { directory: listing.directory, findings });
  }
  const { manifest } = claims;
  const { roots, ...bundled } = await checkImages({
    reader,
    surveys,
    manifest,
    findings,
    signal,
  });
  enterEmptyPackages(listing, bundled, findings);
  const signed = policy && (await checkBundledSignatures({ reader, bundled, policy, findings }));
  const problems = findings.problems.map((problem) => nameEntry(problem, surveys));
  return {
    schemaVersion: 1,
    mediaType: VERIFY_MEDIA_TYPE,
    bundlePath,
    complete: problems.length === 0,
    files: describeFiles(planned, { listed, findings }),
    problems,
    ...(signed ? { signatures: signed.accepted } : {}),
    notices: [...describeGaps({ listing, surveys, bundled }), ...(signed?.notices ?? [])],
    totals: { files: planned.length, bytes, images: roots.size, blobs: countBlobs(surveys) },
  };
}

/** A package that is something else, unless that is known by its size. */
function enterFailure({ failure, files }: Survey, findings: Findings): void {
  if (failure && !files.some(({ name }) => findings.isKnown(name))) findings.add(failure);
}

/** The entry under the name that it has on the medium. */
function nameEntry(problem: Problem, surveys: readonly Survey[]): Problem {
  const survey = surveys.find(({ files }) => files.some(({ name }) => name === problem.file));
  const entry = survey?.names.get(problem.entry ?? "");
  return entry === undefined ? problem : { ...problem, entry };
}

interface ListedProblem {
  readonly cause: FileProblem;
  readonly problem: Problem;
}

function enterFileProblems(
  causes: readonly FileProblem[],
  findings: Findings,
): ReadonlyMap<string, ListedProblem> {
  return new Map(
    causes.map((cause) => {
      const { file, error } = cause;
      return [file, { cause, problem: findings.add(error, { file }) }];
    }),
  );
}

interface FileEvidence {
  readonly listed: ReadonlyMap<string, ListedProblem>;
  readonly findings: Findings;
}

function describeFiles(
  planned: readonly { readonly name: string; readonly size: number }[],
  { listed, findings }: FileEvidence,
): VerifiedFile[] {
  const sound = planned
    .filter(({ name }) => !listed.has(name))
    .map(({ name, size }): VerifiedFile => {
      return { name, size, status: findings.isKnown(baseName(name)) ? "corrupt" : "ok" };
    });
  const broken = [...listed.values()].map(({ cause }): VerifiedFile => {
    return { name: cause.file, size: cause.size, status: cause.status };
  });
  return [...sound, ...broken].sort((left, right) => compareTexts(left.name, right.name));
}

interface SurveyedBundle {
  readonly listing: BundleListing;
  readonly surveys: readonly Survey[];
  readonly bundled: BundledTags;
}

/** What the bundle leaves out; an empty package and a `bundle.json` that cannot be believed are problems and no gaps. */
function describeGaps({ listing, surveys, bundled }: SurveyedBundle): readonly Notice[] {
  const { claims } = listing;
  const strayFiles = surveys.flatMap((survey) => survey.strayFiles);
  const isDescribed = claims.sha256.size > 0 || claims.problems.length > 0;
  return noticesOf(listing, { ...bundled, strayFiles })
    .filter(({ code }) => code !== "NO_MANIFEST" || !isDescribed)
    .filter(({ code }) => code !== "EMPTY_PACKAGES");
}

function countBlobs(surveys: readonly Survey[]): number {
  const layouts = surveys.flatMap((survey) => survey.layouts);
  return new Set(layouts.flatMap(({ blobs }) => [...blobs.keys()])).size;
}

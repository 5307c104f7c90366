import { join } from "node:path";
import { BundleContentMismatchError, BundleCorruptError } from "../bundle/errors.ts";
import { BUNDLE_MANIFEST_FILE } from "../bundle/format/format.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { FileProblem } from "../bundle/read/listed-package.ts";
import type { Findings } from "./findings.ts";
import { findDeviation, generatedEntries, isPredictable } from "./generated-entries.ts";
import type { Problem } from "./report.ts";
import type { Damage, Survey, SurveyedFile } from "./survey.ts";

export interface AttributeOptions {
  readonly reader: BundleReader;
  readonly survey: Survey;
  readonly findings: Findings;
  /** What is wrong with files by their names and sizes, and the problems already entered for it. */
  readonly listed: ReadonlyMap<string, { readonly cause: FileProblem; readonly problem: Problem }>;
  /** What each file must hash to, where that is known. */
  readonly sha256: ReadonlyMap<string, string>;
}

/** A file of a package and what is known to be wrong with it. */
interface Suspect {
  readonly file: SurveyedFile;
  /** The hash is right, so no damage can be here. */
  readonly isSound: boolean;
  /** Everything that touches the package from here to the file's end has this cause. */
  readonly cause?: { readonly problem: Problem; readonly from: number };
}

/** Enters one problem for each cause of damage in a package, in the file that has it. */
export async function attributeDamage(options: AttributeOptions): Promise<void> {
  const { survey, findings } = options;
  const suspects = survey.files.map((file) => toSuspect(file, options));
  for (const { file, cause } of suspects) {
    if (!cause) continue;
    findings.addHole(survey.package, cause.problem);
    for (const { path, offset, size } of survey.entries) {
      if (offset < file.end && offset + size > cause.from) {
        findings.spoil({ package: survey.package, path }, cause.problem);
      }
    }
  }
  const guilty = new Set<SurveyedFile>();
  for (const damage of survey.damages) enterDamage(damage, { options, suspects, guilty });
  for (const { file, isSound, cause } of suspects) {
    const isKnown = options.sha256.has(file.name) || options.reader.manifest !== undefined;
    const isUnexplained = !isSound && !cause && !guilty.has(file) && isKnown;
    if (isUnexplained) await enterDeviation(file, options);
  }
}

function toSuspect(file: SurveyedFile, options: AttributeOptions): Suspect {
  const { findings, listed, sha256, reader } = options;
  const { name, start, size, error } = file;
  const known = listed.get(name);
  if (known && known.cause.status !== "surplus") {
    return { file, isSound: false, cause: { problem: known.problem, from: start + size } };
  }
  if (error !== undefined) {
    const problem = findings.add(error, { file: name, offset: size });
    return { file, isSound: false, cause: { problem, from: start + size } };
  }
  const wanted = sha256.get(name);
  if (wanted === undefined || wanted === file.sha256) {
    return { file, isSound: wanted !== undefined };
  }
  if (known) return { file, isSound: false, cause: { problem: known.problem, from: start } };
  const twin = [...sha256].find(([, sum]) => sum === file.sha256)?.[0];
  if (twin === undefined) return { file, isSound: false };
  const location = { path: join(reader.listing.directory, name), offset: 0 };
  const reason = `it holds the bytes of "${twin}"`;
  const problem = findings.add(new BundleCorruptError(location, reason));
  return { file, isSound: false, cause: { problem, from: start } };
}

interface Attribution {
  readonly options: AttributeOptions;
  readonly suspects: readonly Suspect[];
  /** Files with a problem of their own. */
  readonly guilty: Set<SurveyedFile>;
}

function enterDamage(damage: Damage, { options, suspects, guilty }: Attribution): void {
  const { survey, findings } = options;
  const touched = suspects.filter(({ file }) => file.start < damage.end && file.end > damage.start);
  const unsound = touched.filter(({ isSound }) => !isSound);
  // What is missing behind the last byte touches no file
  const last = touched.length > 0 ? undefined : suspects.at(-1);
  const explained = last?.cause
    ? last
    : unsound.find(({ cause }) => cause && damage.end > cause.from);
  const suspect = unsound[0] ?? touched[0] ?? last;
  const problem = explained?.cause?.problem ?? reportDamage(damage, suspect);
  if (damage.kind === "header") findings.addHole(survey.package, problem);
  if (damage.entry !== undefined && (damage.kind === "blob" || damage.kind === "header")) {
    findings.spoil({ package: survey.package, path: damage.entry }, problem);
  }

  function reportDamage(
    { offset, digest, entry, hint }: Damage,
    suspect: Suspect | undefined,
  ): Problem {
    const [start, end] = [suspect?.file.start ?? 0, suspect?.file.end ?? 0];
    if (suspect) guilty.add(suspect.file);
    const limit = last ? end : Math.max(end - 1, start);
    const position = Math.min(Math.max(offset, start), limit);
    const location = options.reader.locate({ package: survey.package, offset: position });
    const error = digest
      ? new BundleContentMismatchError(location, digest, damage.reason)
      : new BundleCorruptError(location, damage.reason, hint === undefined ? {} : { hint });
    return findings.add(error, {
      ...(entry === undefined ? {} : { entry }),
      ...(digest ? { digest } : {}),
    });
  }
}

/** The damage is in none of the bytes that have a digest: it is in an entry that the plan decides. */
async function enterDeviation(file: SurveyedFile, options: AttributeOptions): Promise<void> {
  const { reader, survey, findings, sha256 } = options;
  const { name, start, end } = file;
  const entries = generatedEntries(survey).filter(
    ({ offset, size }) => offset < end && offset + size > start,
  );
  for (const entry of entries) {
    const found = await findDeviation(reader, survey, entry);
    if (!found || found.offset < start || found.offset >= end) continue;
    const location = reader.locate({ package: survey.package, offset: found.offset });
    const reason = `"${found.entry}" is not what "${BUNDLE_MANIFEST_FILE}" describes`;
    const problem = findings.add(new BundleCorruptError(location, reason), { entry: found.entry });
    findings.spoil({ package: survey.package, path: found.entry }, problem);
    return;
  }
  // What was made without sums is compared with nothing else
  if (!sha256.has(name)) return;
  const [only, ...others] = entries.filter(({ path }) => !isPredictable(reader, survey, path));
  const offset = only && others.length === 0 ? Math.max(only.offset - start, 0) : 0;
  const reason = `its sha256 is ${file.sha256}, it should be ${sha256.get(name)}`;
  const location = { path: join(reader.listing.directory, name), offset };
  findings.add(
    new BundleCorruptError(location, reason),
    only && others.length === 0 ? { entry: only.path } : {},
  );
}

import { resolve } from "node:path";
import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parsePolicy } from "../trust/policy.ts";
import { requireBundledSignatures } from "../trust/require-bundled-signatures.ts";
import { nameInRuntime } from "./choose-images.ts";
import { checkCompression } from "./compress.ts";
import {
  EXPORT_FORMS,
  EXPORT_MEDIA_TYPE,
  type ExportForm,
  type ExportOptions,
  type ExportReport,
} from "./export-options.ts";
import { exportedName, toExportedImage } from "./exported-image.ts";
import { gatherImages } from "./gather-images.ts";
import { type ExportPlan, planExport } from "./plan-export.ts";
import { refuseEmpty } from "./refuse-empty.ts";
import { refuseUnfitOut } from "./refuse-unfit-out.ts";
import { writeArchive } from "./write-archive.ts";
import { writeLayout } from "./write-layout.ts";
import { writeReadable } from "./write-readable.ts";
import { writeStatic } from "./write-static.ts";

/**
 * Makes what a runtime loads without a registry: of bundles, of images in registries, of what a server has kept. The layers
 * are streamed into what is written; what is there under its name is complete.
 */
export async function exportBundle(options: ExportOptions): Promise<ExportReport> {
  checkExportOptions(options);
  const { form, signal } = options;
  if (!isDirectory(form)) await refuseUnfitOut(options.out, options.bundlePaths);
  const platforms = (options.platforms ?? []).map(parsePlatform);
  const policy = options.requireSignatures && (await parsePolicy(options.requireSignatures));
  await using gathered = await gatherImages(options);
  const names = new Set(gathered.images.map(({ name }) => name));
  const signed = await requireBundledSignatures(gathered.bundles, policy, {
    isUsed: (image) => names.has(nameInRuntime(image)),
    signal,
  });
  const planned = await planExport(gathered, { form, platforms, signal });
  refuseEmpty(planned);
  const path = resolve(options.out);
  const { result, plan } = await writeReadable(
    planned,
    (readable) => write(readable, { ...options, out: path }),
    signal,
  );
  if (result === undefined) throw plan.error;
  const { failures } = plan;
  return {
    ...{ schemaVersion: 1, mediaType: EXPORT_MEDIA_TYPE, form, path },
    ...result,
    complete: failures.length === 0,
    images: plan.contents.map(toExportedImage),
    ...(signed.signatures ? { signatures: signed.signatures } : {}),
    failures,
    notices: [...gathered.notices, ...signed.notices, ...plan.notices],
  };
}

async function write(
  plan: ExportPlan,
  options: ExportOptions,
): Promise<Pick<ExportReport, "bytes" | "sha256" | "isWritten">> {
  if (options.form === "oci-layout") return await writeLayout(plan, options);
  if (options.form === "static") return await writeStatic(plan, options);
  if (!options.list) return await writeArchive(plan, options);
  const text = plan.contents.map((image) => `${exportedName(image)}\n`).join("");
  await writeFileAtomically(options.out, text);
  return { bytes: Buffer.byteLength(text), isWritten: true };
}

/** Whether a form is written as a directory. */
function isDirectory(form: ExportForm): boolean {
  return form === "oci-layout" || form === "static";
}

function checkExportOptions(options: ExportOptions): void {
  checkOptions(options, {
    form: "text",
    bundlePaths: "texts",
    out: "text",
    cacheDirectory: "text?",
    references: "texts?",
    openSource: "function?",
    images: "texts?",
    platforms: "texts?",
    noReferrers: "switch?",
    compress: "text?",
    list: "switch?",
    signal: "signal?",
  });
  const { form, bundlePaths, references = [], cacheDirectory } = options;
  const { platforms = [], compress, list } = options;
  const refuse = (name: string, reason: string, hint?: string) => {
    throw new OptionInvalidError(name, reason, { hint });
  };
  if (!EXPORT_FORMS.includes(form)) {
    refuse("form", `"${form}" is none`, `Choose from ${EXPORT_FORMS.join(", ")}`);
  }
  if (bundlePaths.length + references.length === 0 && cacheDirectory === undefined) {
    refuse("bundlePaths", "there is none");
  }
  if (options.requireSignatures && references.length + Number(cacheDirectory !== undefined) > 0) {
    const hint = "Pull the images with the same demand, and export the bundle";
    refuse("requireSignatures", "signatures are demanded of bundles only", hint);
  }
  checkCompression(compress);
  if (compress !== undefined && isDirectory(form)) refuse("compress", "a directory is no file");
  if (list && form !== "k3s") refuse("list", "only k3s takes a list of names");
  if (list && compress !== undefined) refuse("compress", "a list of names is not compressed");
  if (form === "docker-archive" && platforms.length > 1) {
    refuse("platforms", "a docker-archive holds one platform of an image");
  }
}

import { join } from "node:path";
import { checkOptions } from "../check-options.ts";
import { mkdir } from "../io/file-system.ts";
import type { PullEvent } from "../pull/events.ts";
import { pull } from "../pull/pull.ts";
import type { PullSummary } from "../pull/pull-options.ts";
import type { PushEvent } from "../push/events.ts";
import { push } from "../push/push.ts";
import type { Receipt } from "../push/receipt/receipt.ts";
import { writeReceipt } from "../push/receipt/write-receipt.ts";
import { openRegistryClient } from "../registry/registry-client.ts";
import { parseSelection } from "../selection/grammar/parse-selection.ts";
import { openEmbeddedRegistry } from "../server/embedded-registry.ts";
import type { OperationOptions } from "../store/store.ts";
import type { VerifyReport } from "../verify/report.ts";
import { verifyBundle } from "../verify/verify.ts";
import { seedCatalogue } from "./catalogue.ts";

export interface RunDemoOptions extends OperationOptions {
  /** Where the bundle and the receipt are written. */
  readonly directory: string;
  readonly onStep?: ((step: DemoStep) => void) | undefined;
  readonly onEvent?: ((event: PullEvent | PushEvent) => void) | undefined;
}

/** One station of the way, told when it is done. */
export interface DemoStep {
  readonly title: string;
  /** What a user would type for it. */
  readonly command?: string;
  readonly lines: readonly string[];
}

export const DEMO_MEDIA_TYPE = "application/vnd.airgap-mirror.demo.v1+json";

export interface DemoSummary {
  readonly schemaVersion: 1;
  readonly mediaType: typeof DEMO_MEDIA_TYPE;
  readonly directory: string;
  readonly pull: PullSummary;
  readonly verify: VerifyReport;
  readonly receipt: Receipt;
  /** True when the receipt is complete and the bundle verified. */
  readonly complete: boolean;
}

const CHUNK_SIZE_BYTES = 5_000_000;

/** Source registry → pull with a semver filter into chunks → verify → push → receipt, all in this process. */
export async function runDemo(options: RunDemoOptions): Promise<DemoSummary> {
  checkOptions(options, {
    directory: "text",
    onStep: "function?",
    onEvent: "function?",
    signal: "signal?",
  });
  const { directory, signal, onEvent, onStep = () => {} } = options;
  await using source = await openEmbeddedRegistry();
  await using target = await openEmbeddedRegistry();
  await using client = openRegistryClient();
  seedCatalogue(source);
  const bundlePath = join(directory, "bundle");
  await mkdir(directory, { recursive: true });
  onStep(sourceStep(source.host));

  const { selection } = parseSelection({
    source: `${source.host}/acme`,
    includeModules: ["foo@^1.3.0"],
    includeImages: [`${source.host}/acme/web@^2.1`],
  });
  const openSource = client.repository;
  const pulled = await pull({
    bundlePath,
    selection,
    openSource,
    chunkSizeBytes: CHUNK_SIZE_BYTES,
    signal,
    onEvent,
  });
  onStep(pullStep(source.host, pulled));

  const verified = await verifyBundle({ bundlePath, signal });
  onStep(verifyStep(verified));

  const receipt = await push({
    bundlePath,
    target: { registry: target.host, repository: "repo" },
    openTarget: client.repository,
    signal,
    onEvent,
  });
  await writeReceipt(join(directory, "receipt.json"), receipt);
  onStep(pushStep(target.host, receipt));
  const complete = pulled.complete && verified.complete && receipt.complete;
  return {
    schemaVersion: 1,
    mediaType: DEMO_MEDIA_TYPE,
    directory,
    pull: pulled,
    verify: verified,
    receipt,
    complete,
  };
}

function sourceStep(host: string): DemoStep {
  return {
    title: "A source registry is running",
    lines: [
      `${host}/acme has the modules foo, bar and console and the image web`,
      "foo has v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.3.3 v1.4.1 v2.0.0",
    ],
  };
}

function pullStep(host: string, { manifest, bytes, fetchedBytes }: PullSummary): DemoStep {
  const packages = manifest?.packages ?? [];
  return {
    title: "Connected side: pull what the filter matches into a bundle",
    command: `mirror pull ./bundle --source ${host}/acme -i foo@^1.3.0 --include-image '${host}/acme/web@^2.1' -c 5MB`,
    lines: [
      ...packages.map(
        ({ name, files, size }) =>
          `${name}: ${megabytes(size)} in ${files.map((file) => file.name).join(" ")}`,
      ),
      `${packages.flatMap(tagsOf).join(" ")}`,
      `${megabytes(fetchedBytes)} fetched for ${megabytes(bytes)} of bundle; shared layers were fetched once`,
    ],
  };
}

function tagsOf({ layouts }: NonNullable<PullSummary["manifest"]>["packages"][number]): string[] {
  const images = layouts.flatMap((layout) => layout.images);
  return images.flatMap(({ repository, tags }) =>
    tags.filter((tag) => tag.length < 64).map((tag) => `${repository}:${tag}`),
  );
}

function verifyStep({ complete, totals }: VerifyReport): DemoStep {
  return {
    title: "Any side: check the bundle, without a registry (also: sha256sum -c SHA256SUMS)",
    command: "mirror verify ./bundle",
    lines: [
      `${totals.files} files, ${megabytes(totals.bytes)}, ${totals.blobs} blobs: ${complete ? "all as they should be" : "DAMAGED"}`,
    ],
  };
}

function pushStep(host: string, { complete, images, totals }: Receipt): DemoStep {
  return {
    title: "Isolated side: push straight from the chunk files, nothing is unpacked",
    command: `mirror push ./bundle ${host}/repo`,
    lines: [
      `${megabytes(totals.sentBytes)} sent, ${megabytes(totals.mountedBytes)} mounted from a neighbor repository`,
      `receipt.json: ${images.length} tags were read back from ${host}/repo, ${complete ? "each has its planned digest" : "NOT all have their planned digest"}`,
    ],
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

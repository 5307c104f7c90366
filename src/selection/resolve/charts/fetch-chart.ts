import { CHART_LIMIT_BYTES } from "../../../artifacts/chart-archive.ts";
import type { ListedChart } from "../../../artifacts/chart-index.ts";
import type { ChartFile } from "../../../artifacts/pack-chart.ts";
import { isMirrorError, type MirrorError } from "../../../errors.ts";
import { isImageFailure } from "../../../failure.ts";
import { type Digest, digestOf, isDigest } from "../../../oci/digest.ts";
import { ContentMissingError } from "../../../store/errors.ts";
import type { SourceReader } from "../source-reader.ts";
import type { ChartRepository } from "./chart-repository.ts";

export interface FetchChartOptions {
  readonly repository: ChartRepository;
  readonly reader: SourceReader;
  /** The chart, for messages. */
  readonly subject: string;
}

const PROVENANCE_LIMIT_BYTES = 1024 * 1024;

/** The archive of a chart from the first of its addresses that has what the index says. */
export async function fetchArchive(
  { urls, digest }: ListedChart,
  { repository, reader, subject }: FetchChartOptions,
): Promise<ChartFile> {
  const { address, indexAddress } = repository;
  const failures: MirrorError[] = [];
  for (const url of urls) {
    const found = URL.canParse(url, `${address}/`) ? new URL(url, `${address}/`) : undefined;
    try {
      const bytes = await readArchive(found, { reader, digest, namedBy: indexAddress, url });
      if (bytes && found) return { bytes, address: found.href };
      throw new ContentMissingError(`chart "${subject}"`, `"${url}" does not exist`);
    } catch (error) {
      const isLast = failures.length + 1 === urls.length;
      if (!isOther(error) || isLast) throw error;
      failures.push(error);
    }
  }
  throw new Error("A listed chart has an address");
}

interface ReadArchiveOptions {
  readonly reader: SourceReader;
  readonly digest: Digest | undefined;
  readonly namedBy: URL;
  /** As the index has it. */
  readonly url: string;
}

async function readArchive(
  address: URL | undefined,
  { reader, digest, namedBy, url }: ReadArchiveOptions,
): Promise<Buffer | undefined> {
  if (address === undefined || !/^https?:$/.test(address.protocol) || address.username !== "") {
    throw new ContentMissingError(`chart "${url}"`, "its address is no web address");
  }
  return await reader.readWebFile(address, { limitBytes: CHART_LIMIT_BYTES, digest, namedBy });
}

/** Whether another address may do better. */
function isOther(error: unknown): error is MirrorError {
  return isImageFailure(error) || isMirrorError(error, "REGISTRY_UNREACHABLE");
}

/** What was found out about a provenance, as long as the index is the same. */
interface ProvenanceRecord {
  readonly digest: Digest | null;
}

/**
 * The provenance beside an archive, where there is one: most charts have none, and servers answer a refusal too for what is
 * not there (storage that may not be listed does).
 */
export async function fetchProvenance(
  archive: ChartFile,
  { repository, reader, subject }: FetchChartOptions,
): Promise<ChartFile | undefined> {
  const url = new URL(archive.address);
  url.pathname += ".prov";
  const address = url.href;
  const key = `provenance of a chart, 1\n${address}\n${digestOf(archive.bytes)}\n${repository.digest}`;
  const record = (await reader.records?.read(key)) as ProvenanceRecord | undefined;
  if (record?.digest === null) return undefined;
  const digest = record && isDigest(record.digest) ? record.digest : undefined;
  const options = { limitBytes: PROVENANCE_LIMIT_BYTES, namedBy: repository.indexAddress, digest };
  try {
    const bytes = await reader.readWebFile(url, options);
    await reader.records?.write(key, { digest: bytes ? digestOf(bytes) : null });
    return bytes && { bytes, address };
  } catch (error) {
    const isRefused = isMirrorError(error, "REGISTRY_DENIED");
    if (!isRefused) throw error;
    const message = `Chart "${subject}" is taken without a provenance: whether there is one, "${url.host}" does not tell`;
    reader.notice("CHART_PROVENANCE_UNREADABLE", message);
    return undefined;
  }
}

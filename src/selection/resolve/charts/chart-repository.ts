import {
  type ChartIndex,
  INDEX_LIMIT_BYTES,
  readChartIndex,
} from "../../../artifacts/chart-index.ts";
import { type Digest, digestOf } from "../../../oci/digest.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { SourceReader } from "../source-reader.ts";

/** A Helm repository whose index was read. */
export interface ChartRepository {
  readonly address: string;
  readonly indexAddress: URL;
  readonly index: ChartIndex;
  /** Of the index: what follows from it is known as long as it does not change. */
  readonly digest: Digest;
}

/** Reads the index of a repository; it is requested once, however many charts are taken. */
export async function readChartRepository(
  address: string,
  reader: SourceReader,
): Promise<ChartRepository> {
  const indexAddress = new URL(`${address}/index.yaml`);
  const bytes = await reader.readWebFile(indexAddress, { limitBytes: INDEX_LIMIT_BYTES });
  if (bytes === undefined) {
    throw new SelectionUnmatchedError(`chart repository "${address}"`, "there is no index.yaml", {
      hint: "Check the address; charts in a registry are named with oci://",
    });
  }
  const index = await readChartIndex(bytes, `index "${indexAddress.href}"`);
  return { address, indexAddress, index, digest: digestOf(bytes) };
}

import type { RegistryContent } from "./memory-content.ts";
import type { RegistryRequest } from "./message.ts";

/** One request after routing. */
export interface RegistryCall {
  readonly content: RegistryContent;
  readonly request: RegistryRequest;
  readonly repository: string;
  /** Last segment of the path: a digest, a tag or the id of an upload. */
  readonly reference: string;
  readonly sparseIndexes: boolean;
}

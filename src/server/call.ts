import type { RegistryBackend, RegistryWriter } from "./backend.ts";
import type { RegistryRequest } from "./message.ts";

/** One request after routing. */
export interface RegistryCall {
  readonly backend: RegistryBackend;
  readonly request: RegistryRequest;
  /** Path of the repository in the backend. */
  readonly repository: string;
  /** The same as the client named it. */
  readonly name: string;
  /** Last segment of the path: a digest, a tag or the id of an upload. */
  readonly reference: string;
}

/** One request that changes the registry. */
export interface WriteCall extends RegistryCall {
  readonly writer: RegistryWriter;
  readonly sparseIndexes: boolean;
}

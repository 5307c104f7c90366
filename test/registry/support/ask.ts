import {
  openRegistryClient,
  type RegistryClientOptions,
} from "../../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { createFakeClock } from "../../support/clock.ts";
import { blobOf } from "./content.ts";
import { type Answer, send } from "./server.ts";

/** For where only the way to a registry matters. */
export const blob = blobOf(Buffer.from("content"));
export const found: Answer = (_, response) => send(response, 200);

/** Asks registries for a blob with one client that knows nothing of this machine: true, false or the failure of each. */
export async function askEach(registries: readonly string[], options: RegistryClientOptions = {}) {
  const events: RegistryEvent[] = [];
  const results: unknown[] = [];
  {
    await using client = openRegistryClient({
      clock: createFakeClock(),
      env: {},
      certsDirectories: [],
      onEvent: (event) => event.type !== "request" && events.push(event),
      ...options,
    });
    for (const registry of registries) {
      const repository = client.repository({ registry, repository: "acme/web" });
      results.push(await repository.exists(blob.expected).catch((error) => error));
    }
  }
  return { results, events };
}

export async function exists(registry: string, options?: RegistryClientOptions): Promise<unknown> {
  return (await askEach([registry], options)).results[0];
}

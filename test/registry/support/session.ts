import {
  openRegistryClient,
  type RegistryClientOptions,
} from "../../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import type { Repository } from "../../../src/registry/repository.ts";
import { bufferContent } from "../../../src/server/memory-content.ts";
import { createFakeClock, type FakeClock } from "../../support/clock.ts";
import { type FaultRegistry, type Faults, startFaultRegistry } from "../../support/registry.ts";
import { refuseSecrets } from "../../support/secrets.ts";
import type { blobOf } from "./content.ts";

/** For clients of a registry that stalls; others have the time of a machine that is busy with other things. */
export const IMPATIENT = { stallTimeoutMs: 300 } as const;

/** A fault registry and a client of it whose waiting takes no time. */
export interface Session extends AsyncDisposable {
  readonly registry: FaultRegistry;
  readonly repository: Repository;
  readonly open: (repository: string) => Repository;
  readonly clock: FakeClock;
  readonly events: readonly RegistryEvent[];
  readonly seed: (blob: ReturnType<typeof blobOf>) => void;
}

export async function startSession(
  faults: Faults = {},
  options: RegistryClientOptions = {},
): Promise<Session> {
  const clock = createFakeClock();
  const events: RegistryEvent[] = [];
  const registry = await startFaultRegistry({ faults, now: clock.now });
  const client = openRegistryClient({
    clock,
    // not the certificates and proxies of this machine
    env: {},
    onEvent: (event) => events.push(event),
    ...options,
  });
  const open = (repository: string) => client.repository({ registry: registry.host, repository });
  return {
    registry,
    open,
    repository: open("acme/web"),
    clock,
    events,
    seed: ({ bytes, expected }) => {
      const { blobs } = registry.content.repository("acme/web");
      blobs.set(expected.digest, bufferContent(bytes));
    },
    [Symbol.asyncDispose]: async () => {
      refuseSecrets(JSON.stringify(events), "the events of a registry client");
      await client[Symbol.asyncDispose]();
      await registry.close();
    },
  };
}

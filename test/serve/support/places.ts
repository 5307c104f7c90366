import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import { openServer } from "../../../src/serve/open-server.ts";
import { openEmbeddedRegistry } from "../../../src/server/embedded-registry.ts";
import {
  AMD64,
  ARM64,
  artifact,
  image,
  index,
  pushArtifacts,
  seed,
} from "../../support/artifacts.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { writeBundle } from "./bundles.ts";

export const WEB = image({ name: "web", platform: AMD64 });
export const SIGNATURE_TYPE = "application/vnd.example.signature";
export const SIGNATURE = artifact({
  artifactType: SIGNATURE_TYPE,
  subject: WEB.manifest.descriptor,
  annotations: { "org.example": "yes" },
});
export const TAGGED = {
  latest: index([WEB, image({ name: "arm", platform: ARM64 })]),
  signed: SIGNATURE,
  v1: WEB,
};

/** Has what was opened closed when the place is no longer needed. */
type Keep = <Opened extends AsyncDisposable>(opened: Opened) => Opened;

/** A registry that holds `TAGGED` in the repository at `filled`. */
export interface Place {
  readonly host: string;
  readonly filled: string;
  /** Repositories below it can be pushed to. */
  readonly scratch?: string;
}

type PlaceKind = "memory" | "bundle" | "writable" | "upstream";

export const PLACES: Readonly<Record<PlaceKind, (keep: Keep) => Promise<Place>>> = {
  async memory(keep) {
    const { host, content } = keep(await openEmbeddedRegistry());
    seed({ content }, "acme/web", TAGGED);
    return { host, filled: "acme/web", scratch: "acme/scratch" };
  },
  async bundle(keep) {
    const bundlePath = keep(await openTempDirectory()).resolve("bundle");
    const named = Object.entries(TAGGED).map(([tag, built]) => [`up.test/web:${tag}`, built]);
    await writeBundle(bundlePath, Object.fromEntries(named));
    const server = keep(await openServer({ bundlePaths: [bundlePath], port: 0 }));
    return { host: new URL(server.url).host, filled: "up.test/web" };
  },
  async writable(keep) {
    const cacheDirectory = keep(await openTempDirectory()).resolve("cache");
    const options = { bundlePaths: [], writable: "local", cacheDirectory, port: 0 };
    const { host } = new URL(keep(await openServer(options)).url);
    await pushArtifacts(host, "local/web", TAGGED);
    return { host, filled: "local/web", scratch: "local/scratch" };
  },
  async upstream(keep) {
    const cacheDirectory = keep(await openTempDirectory()).resolve("cache");
    const registry = keep(await openEmbeddedRegistry());
    seed(registry, "web", TAGGED);
    const client = keep(openRegistryClient({ retryTimeoutMs: 0 }));
    const openSource = (repository: string) =>
      client.repository({ registry: registry.host, repository });
    const upstreams = [{ namespace: "up.test", openSource }];
    const options = { bundlePaths: [], upstreams, cacheDirectory, port: 0 };
    return {
      host: new URL(keep(await openServer(options)).url).host,
      filled: "up.test/web",
    };
  },
};

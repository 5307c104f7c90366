import { existsSync, readFileSync } from "node:fs";
import { beforeAll, expect } from "vitest";
import { push } from "../../../src/push/push.ts";
import type { Credential } from "../../../src/registry/auth/credentials.ts";
import { diagnose } from "../../../src/registry/doctor/diagnose.ts";
import { REGISTRY_QUIRKS } from "../../../src/registry/host/quirks.ts";
import type { RegistryClientOptions } from "../../../src/registry/registry-client.ts";
import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import type { Repository } from "../../../src/registry/repository.ts";
import { pullSample } from "../../crash/support/resume.ts";
import { artifact, image, randomLayer, seed } from "../../support/artifacts.ts";
import { createFakeClock } from "../../support/clock.ts";
import { PROFILE_USER, PROFILES } from "../../support/faults/profiles.ts";
import { allTests } from "../../support/fixture.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { requireTool } from "../../support/tool.ts";
import { createAuthority, type IssuedCertificate } from "../support/authority.ts";
import { startProxy } from "../support/proxy.ts";

const { describe, test } = requireTool("openssl");

const MIB = 1024 * 1024;
const LAYER_BYTES = 5 * MIB + 3;
const PASSWORD: Credential = { kind: "password", ...PROFILE_USER, origin: "a file" };
/** Two repositories share a layer, so that it is mounted where that works. */
const SHARED = randomLayer(LAYER_BYTES);
const WEB = image({ name: "web", layers: [SHARED] });
const API = image({ name: "api", layers: [SHARED] });

let certificate: IssuedCertificate;
let bundle: string;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  certificate = await (await createAuthority(directory.path)).issue("registry");
  await using source = await startFaultRegistry();
  seed(source, "acme/web", { "1.0.0": WEB, "1.1.0": image({ name: "next", layers: [SHARED] }) });
  seed(source, "acme/api", { "1.0.0": API });
  bundle = directory.resolve("bundle");
  const images = ["web@^1", "api:1.0.0"].map((name) => `${source.host}/acme/${name}`);
  await pullSample(bundle, { includeImages: images });
});

/** A way to the registry by its own address, or by the name of a host that leads there. */
async function openWay(registry: FaultRegistry, host: string | undefined) {
  const name = host === "docker.io" ? "registry-1.docker.io" : host;
  const proxy = name && (await startProxy({ tunnelTo: { ...certificate, host: registry.host } }));
  const client: RegistryClientOptions = {
    clock: createFakeClock(),
    credentials: async () => PASSWORD,
    partSizeBytes: MIB,
    tlsSkipVerify: true,
    env: proxy ? { HTTPS_PROXY: `http://${proxy.host}` } : {},
  };
  return {
    host: host ?? registry.host,
    client,
    [Symbol.asyncDispose]: async () => {
      if (proxy) await proxy[Symbol.asyncDispose]();
    },
  };
}

describe("REGISTRY_QUIRKS", () => {
  const document = readFileSync(
    new URL("../../../docs/registry-behavior.md", import.meta.url),
    "utf8",
  );

  test.each(REGISTRY_QUIRKS)("$registry has sources, code and a row in the document", (row) => {
    expect(row.quirks.length).toBeGreaterThan(0);
    for (const { source, code } of row.quirks) {
      expect(source).not.toBe("");
      expect(existsSync(new URL(`../../../src/registry/${code}`, import.meta.url)), code).toBe(
        true,
      );
    }
    expect(document).toContain(`| ${row.registry} `);
  });

  test("has a profile for each registry, and each profile a registry", () => {
    const names = REGISTRY_QUIRKS.map(({ registry }) => registry);
    expect(names).toEqual(Object.keys(PROFILES));
  });

  test("knows the host of every profile that has one", () => {
    const hosts = Object.entries(PROFILES).flatMap(([name, { host }]) =>
      host ? [[host, name]] : [],
    );
    for (const [host = "", name] of hosts) {
      const found = REGISTRY_QUIRKS.filter((row) => row.hosts?.test(host));
      expect(found.map(({ registry }) => registry)).toEqual([name]);
    }
  });
});

describe("a push and a pull at", () => {
  test.each(Object.entries(PROFILES))("%s", async (name, { host, faults, avoided = [] }) => {
    await using registry = await startFaultRegistry({ faults });
    await using way = await openWay(registry, host);
    const target = { registry: way.host, repository: "team/mirror" };
    await using client = openRegistryClient(way.client);
    const openTarget = client.repository;
    const receipt = await push({ bundlePath: bundle, target, openTarget });
    expect(receipt.images.map(({ outcome }) => outcome)).toEqual(["pushed", "pushed", "pushed"]);
    expect(receipt.images.every(({ planned, found }) => planned === found)).toBe(true);

    const again = directory.resolve(name);
    const [web = ""] = receipt.images
      .map(({ repository }) => repository)
      .filter((path) => path.endsWith("/web"));
    const wishes = { includeImages: [`${way.host}/team/mirror/${web}@^1`] };
    const { summary } = await pullSample(again, wishes, { client: way.client });
    expect(summary.failures).toEqual([]);
    expect(summary.complete).toBe(true);
    const digests = summary.manifest?.packages.flatMap(({ layouts }) =>
      layouts.flatMap(({ images }) => images.map(({ digest }) => digest)),
    );
    expect(digests).toContain(WEB.manifest.descriptor.digest);

    await expectReferrers(client.repository({ ...target, repository: `team/mirror/${web}` }));

    const unmet = Object.keys(faults).filter(
      (fault) => !registry.met.has(fault as keyof typeof faults) && !SILENT.includes(fault),
    );
    expect(unmet).toEqual([...avoided]);
  });
});

test("doctor shows what is known of a host", async () => {
  await using registry = await startFaultRegistry();
  await using way = await openWay(registry, "ghcr.io");
  const { checks } = await diagnose({
    ...way.client,
    target: { registry: way.host, repository: "acme/web" },
  });
  expect(checks.find(({ name }) => name === "known")?.detail).toMatch(/^GHCR: parts over 4 MiB/);
});

/** Switches that break something and leave the answer as it is. */
const SILENT = ["abortedPatch", "commitReset"];

/** Adds a signature and finds it, by the API or by the tag. */
async function expectReferrers(repository: Repository): Promise<void> {
  const signature = artifact({ subject: WEB.manifest.descriptor });
  for (const { descriptor, content } of signature.blobs) {
    await repository.push(descriptor, (offset) => content.open(offset, descriptor.size));
  }
  const { digest } = signature.manifest.descriptor;
  await repository.pushManifest(signature.manifest, digest);
  const found = await repository.referrers(WEB.manifest.descriptor.digest);
  expect(found.map((referrer) => referrer.digest)).toEqual([digest]);
}

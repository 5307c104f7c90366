import { beforeAll, expect } from "vitest";
import type { RegistryClientOptions } from "../../src/registry/registry-client.ts";
import { createNamedHosts } from "../../src/registry/transport/connect/named-hosts.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { askEach, found } from "./support/ask.ts";
import { createAuthority, type IssuedCertificate } from "./support/authority.ts";
import { startServer } from "./support/server.ts";

const { describe, test } = requireTool("openssl");

let certificate: IssuedCertificate;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  certificate = await (await createAuthority(directory.path)).issue("registry");
});

async function askBoth(registries: readonly string[], options: RegistryClientOptions) {
  const { results, events } = await askEach(registries, options);
  return { results, events: events.filter(({ type }) => type === "warning") };
}

function elsewhere(host: string): string {
  return `0.0.0.0:${host.replace(/^.*:/, "")}`;
}

describe("a host that is named for any certificate", () => {
  test("opens itself and no other one", async () => {
    await using bad = await startServer(found, certificate);
    await using good = await startServer(found, certificate);
    const { results, events } = await askBoth([bad.host, good.host], {
      tlsSkipVerifyHosts: [bad.host],
    });
    expect(results).toEqual([true, expect.objectContaining({ reason: "certificate" })]);
    expect(good.seen).toEqual([]);
    expect(events).toEqual([]);
  });

  test("means all its ports where it is named without one", async () => {
    await using one = await startServer(found, certificate);
    await using two = await startServer(found, certificate);
    const { results } = await askBoth([one.host, two.host], { tlsSkipVerifyHosts: ["127.0.0.1"] });
    expect(results).toEqual([true, true]);
  });

  test("is how a certificate that is not trusted is told to go on", async () => {
    await using server = await startServer(found, certificate);
    const { results } = await askBoth([server.host], {});
    expect(results[0]).toMatchObject({ hint: expect.stringContaining("`tlsSkipVerifyHosts`") });
  });
});

describe("a host that is named for plain HTTP", () => {
  test("opens itself and no other one", async () => {
    await using bad = await startServer(found);
    await using good = await startServer(found);
    const { results, events } = await askBoth([elsewhere(bad.host), elsewhere(good.host)], {
      insecureHosts: [elsewhere(bad.host)],
    });
    expect(results).toEqual([true, expect.objectContaining({ reason: "plain-http" })]);
    expect(good.seen).toEqual([]);
    expect(events).toEqual([]);
  });
});

test("a host that is named and never used is told at the end", async () => {
  await using server = await startServer(found);
  const { events } = await askBoth([server.host], {
    insecureHosts: ["registry.test", server.host],
    tlsSkipVerifyHosts: ["registry.test:5000"],
  });
  expect(events).toEqual([
    expect.objectContaining({
      code: "HOST_UNUSED",
      message: expect.stringMatching(/^"registry\.test" in `insecureHosts` has no effect/),
    }),
    expect.objectContaining({
      code: "HOST_UNUSED",
      message: expect.stringMatching(
        /^"registry\.test:5000" in `tlsSkipVerifyHosts` has no effect/,
      ),
    }),
  ]);
});

describe("createNamedHosts()", () => {
  test.each([
    ["registry.local", "registry.local", true],
    ["registry.local", "registry.local:5000", true],
    ["registry.local:5000", "registry.local:5000", true],
    ["registry.local:5000", "registry.local", false],
    ["registry.local:5000", "registry.local:5001", false],
    ["registry.local:443", "registry.local", true],
    ["Registry.LOCAL", "registry.local", true],
    ["registry.local", "other.registry.local", false],
    ["local", "registry.local", false],
    ["::1", "[::1]:5000", true],
    ["[::1]:5000", "[::1]:5000", true],
    ["docker.io", "registry-1.docker.io", true],
  ])("%s names %s: %s", (name, host, isNamed) => {
    const hosts = createNamedHosts([name], {
      option: "tlsSkipVerifyHosts",
      port: 443,
      apiHostOf: (one) => (one === "docker.io" ? "registry-1.docker.io" : one),
    });
    expect(hosts.has(host)).toBe(isNamed);
    expect(hosts.unmet()).toEqual(isNamed ? [] : [name]);
  });

  test.each(["", "https://registry.local", "registry.local/acme", "*.local", "r:0", "r:99999"])(
    'refuses "%s" by the name of the option',
    (name) => {
      const make = () => createNamedHosts([name], { option: "insecureHosts", port: 80 });
      expect(make).toThrow(/^Cannot use `insecureHosts`: ".*" is not a host$/);
    },
  );

  test("shows no password that stands before a host", () => {
    const make = () => createNamedHosts(["ada:secret@r"], { option: "insecureHosts", port: 80 });
    expect(make).toThrow(/^Cannot use `insecureHosts`: "r" is not a host$/);
  });
});

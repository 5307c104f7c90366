import { describe, expect, test } from "vitest";
import { isRepositoryName } from "../../src/oci/reference.ts";
import { repositoryInBundle } from "../../src/selection/resolve-images.ts";

describe("repositoryInBundle()", () => {
  test.each([
    ["ghcr.io", "ghcr.io/acme/web"],
    ["docker.io", "docker.io/acme/web"],
    ["localhost:5000", "localhost-5000/acme/web"],
    ["127.0.0.1:5000", "127.0.0.1-5000/acme/web"],
    ["[::1]", "ipv6-z-1/acme/web"],
    ["[::1]:5000", "ipv6-z-1.5000/acme/web"],
    ["[2001:DB8::]:443", "ipv6-2001-db8-z.443/acme/web"],
    ["[::]", "ipv6-z/acme/web"],
  ])("of %s is %s", (registry, path) => {
    const name = repositoryInBundle({ registry, repository: "acme/web" });
    expect(name).toBe(path);
    expect(isRepositoryName(name)).toBe(true);
  });
});

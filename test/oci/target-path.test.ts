import { describe, expect, test } from "vitest";
import { isRepositoryName, parseReference } from "../../src/oci/reference.ts";
import { targetPathOf } from "../../src/oci/target-path.ts";

describe("targetPathOf()", () => {
  test.each([
    ["ghcr.io/acme/web:v1", "ghcr.io/acme/web"],
    ["nginx", "docker.io/library/nginx"],
    ["localhost/web", "localhost/web"],
    ["registry.test:5000/acme/web", "registry.test-5000/acme/web"],
    ["127.0.0.1:5000/web", "127.0.0.1-5000/web"],
    ["[::1]:5000/web", "ipv6-z-1-5000/web"],
    ["[fe80::1]/web", "ipv6-fe80-z-1/web"],
    ["[1:2::3:4]:80/web", "ipv6-1-2-z-3-4-80/web"],
  ])("puts %s at %s", (reference, path) => {
    expect(targetPathOf(parseReference(reference))).toBe(path);
    expect(isRepositoryName(path)).toBe(true);
  });
});

import { describe, expect, test } from "vitest";
import {
  formatReference,
  isRepositoryName,
  isTag,
  joinRepository,
  parseReference,
  parseRepositoryReference,
  type Reference,
} from "../../src/oci/reference.ts";
import { cpuMilliseconds } from "../support/cpu-time.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const refused = expect.objectContaining({ code: "REFERENCE_INVALID" });

describe("parseReference()", () => {
  test.each<[string, Reference]>([
    ["web", { registry: "docker.io", repository: "library/web" }],
    ["web:1.2", { registry: "docker.io", repository: "library/web", tag: "1.2" }],
    ["acme/web", { registry: "docker.io", repository: "acme/web" }],
    ["docker.io/web", { registry: "docker.io", repository: "library/web" }],
    ["index.docker.io/acme/web", { registry: "docker.io", repository: "acme/web" }],
    ["ghcr.io/acme/web:v2", { registry: "ghcr.io", repository: "acme/web", tag: "v2" }],
    ["localhost/web", { registry: "localhost", repository: "web" }],
    ["localhost:5000/web:5000", { registry: "localhost:5000", repository: "web", tag: "5000" }],
    ["host:5000/a/b", { registry: "host:5000", repository: "a/b" }],
    ["Host/web", { registry: "host", repository: "web" }],
    ["GHCR.IO/acme/web", { registry: "ghcr.io", repository: "acme/web" }],
    ["127.0.0.1:5000/web", { registry: "127.0.0.1:5000", repository: "web" }],
    ["[::1]/web", { registry: "[::1]", repository: "web" }],
    ["[::1]:5000/a/web:v1", { registry: "[::1]:5000", repository: "a/web", tag: "v1" }],
    [`web@${DIGEST}`, { registry: "docker.io", repository: "library/web", digest: DIGEST }],
    [
      `ghcr.io/acme/web:v2@${DIGEST}`,
      { registry: "ghcr.io", repository: "acme/web", tag: "v2", digest: DIGEST },
    ],
    ["a_b/c__d/e-f/g---h/i.j", { registry: "docker.io", repository: "a_b/c__d/e-f/g---h/i.j" }],
    [" web ", { registry: "docker.io", repository: "library/web" }],
    ["a".repeat(63), { registry: "docker.io", repository: `library/${"a".repeat(63)}` }],
  ])("%s", (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
  });

  test.each([
    "web",
    "ghcr.io/acme/web:v2",
    "[::1]:5000/a/web:v1",
    `ghcr.io/acme/web:v2@${DIGEST}`,
    `localhost/web@${DIGEST}`,
  ])("reads back what formatReference() wrote: %s", (text) => {
    const reference = parseReference(text);
    expect(parseReference(formatReference(reference))).toEqual(reference);
  });

  test.each([
    ["nothing", ""],
    ["an empty tag", "web:"],
    ["an empty digest", "web@"],
    ["an unknown digest", "web@md5:abc"],
    ["a short digest", "web@sha256:abc"],
    ["two digests", `web@${DIGEST}@${DIGEST}`],
    ["64 hex digits", "a".repeat(64)],
    ["an upper-case path", "ghcr.io/Acme/web"],
    ["a scheme", "https://ghcr.io/acme/web"],
    ["an empty segment", "ghcr.io//web"],
    ["a slash at the end", "ghcr.io/acme/"],
    ["a slash at the beginning", "/acme/web"],
    ["a parent directory", "ghcr.io/../web"],
    ["a dot segment", "ghcr.io/./web"],
    ["a separator at the edge", "ghcr.io/-web"],
    ["two dots", "ghcr.io/a..b"],
    ["three underscores", "ghcr.io/a___b"],
    ["mixed separators", "ghcr.io/a.-b"],
    ["a percent sign", "ghcr.io/a%2fb"],
    ["a line break", "ghcr.io/web\nx"],
    ["a line break behind the tag", "ghcr.io/web:v1\n.x"],
    ["a question mark", "ghcr.io/web?x"],
    ["a tag that begins with a dot", "web:.x"],
    ["a tag of 129 characters", `web:${"a".repeat(129)}`],
    ["a host label with a hyphen at the edge", "-ghcr.io/web"],
    ["an empty host label", "ghcr..io/web"],
    ["a port of six digits", "ghcr.io:123456/web"],
    ["a port that is none", "ghcr.io:x/web"],
    ["an address with a zone", "[fe80::1%eth0]/web"],
    ["a path of more than 255 characters", `ghcr.io/${"a/".repeat(127)}aa`],
  ])("refuses %s", (_, text) => {
    expect(() => parseReference(text)).toThrow(refused);
  });

  test("takes a path of 255 characters, the host not counted", () => {
    expect(parseReference(`ghcr.io/${"a/".repeat(127)}a`).repository).toHaveLength(255);
  });
});

describe("parseRepositoryReference()", () => {
  test.each([
    ["registry.example.com/deckhouse/ee", "registry.example.com", "deckhouse/ee"],
    ["https://registry.example.com/deckhouse/ee", "registry.example.com", "deckhouse/ee"],
    ["docker://registry.example.com/ee", "registry.example.com", "ee"],
    ["192.168.1.1:5000/repo", "192.168.1.1:5000", "repo"],
    ["myregistry/repo", "myregistry", "repo"],
    ["localhost:5000//repo", "localhost:5000", "repo"],
    ["localhost:5000/repo/", "localhost:5000", "repo"],
    ["index.docker.io/acme", "docker.io", "acme"],
    ["[::1]:5000/repo", "[::1]:5000", "repo"],
    ["Registry.Example.com/ee", "registry.example.com", "ee"],
  ])("%s", (text, registry, repository) => {
    const reference = parseRepositoryReference(text);
    expect(reference).toEqual({ registry, repository });
    expect(parseRepositoryReference(formatReference(reference))).toEqual(reference);
  });

  test.each([
    ["", /path is missing/],
    ["registry.example.com", /path is missing/],
    ["localhost:5000", /path is missing/],
    ["localhost:5000/", /path is missing/],
    ["http://localhost:5000", /path is missing/],
    ["/deckhouse/ee", /host is missing/],
    ["localhost:5000/UPPER", /"UPPER" is not a repository path/],
    ["localhost:5000/repo:tag", /"repo:tag" is not a repository path/],
    ["ftp://host/repo", /is not a registry host/],
    [`host/${"a".repeat(256)}`, /longer than 255/],
  ])("refuses %j", (text, message) => {
    expect(() => parseRepositoryReference(text)).toThrow(refused);
    expect(() => parseRepositoryReference(text)).toThrow(message);
  });

  test.each([
    "https://robot:s3cret@registry.test/acme",
    "robot:s3cret@registry.test/acme",
    "https://s3cret@registry.test/acme",
    "robot:s3@cret@registry.test/acme",
  ])("refuses and does not repeat a secret: %s", (text) => {
    for (const parse of [parseReference, parseRepositoryReference]) {
      expect(() => parse(text)).toThrow(refused);
      expect(() => parse(text)).not.toThrow(/s3|cret/);
    }
  });
});

describe("joinRepository()", () => {
  const base = { registry: "host", repository: "acme" };

  test.each<[string[], string]>([
    [[], "acme"],
    [["", ""], "acme"],
    [["modules", "foo"], "acme/modules/foo"],
    [["my/mods"], "acme/my/mods"],
  ])("%j", (segments, repository) => {
    expect(joinRepository(base, ...segments)).toEqual({ registry: "host", repository });
  });

  test.each(["..", "/x", "X", "a//b"])("refuses %j", (segment) => {
    expect(() => joinRepository(base, segment)).toThrow(refused);
  });
});

describe("isTag()", () => {
  test.each(["a", "_x", "v1.2.3", "A-B_c.d", "1", "a".repeat(128)])("takes %s", (tag) => {
    expect(isTag(tag)).toBe(true);
  });

  test.each(["", ".a", "-a", "a+b", "a/b", "a:b", "a b", "ä", "a\n", "a".repeat(129)])(
    "refuses %j",
    (tag) => {
      expect(isTag(tag)).toBe(false);
    },
  );
});

describe("isRepositoryName()", () => {
  test("looks at the whole name", () => {
    expect(isRepositoryName("a/b")).toBe(true);
    expect(isRepositoryName("a/b\n")).toBe(false);
    expect(isRepositoryName("")).toBe(false);
  });

  test("takes no time for long names", () => {
    const name = `${"a-".repeat(120)}!`;
    expect(cpuMilliseconds(() => expect(isRepositoryName(name)).toBe(false))).toBeLessThan(500);
  });
});

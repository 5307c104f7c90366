import { describe, expect, test } from "vitest";
import type { SelectionInvalidError } from "../../../src/selection/errors.ts";
import type { VersionFilter } from "../../../src/selection/grammar/selection.ts";
import {
  parseImageSelector,
  parseModuleSelector,
} from "../../../src/selection/grammar/selector.ts";

const range = (text: string): VersionFilter => ({ kind: "range", range: text });
const exact = (tag: string, channel = "all"): VersionFilter => ({
  kind: "exact",
  pins: [{ tag, channel }],
});

function errorOf(parse: () => unknown): SelectionInvalidError {
  try {
    parse();
  } catch (error) {
    return error as SelectionInvalidError;
  }
  throw new Error("expected an error");
}

describe("parseModuleSelector()", () => {
  test.each<[string, string, VersionFilter]>([
    ["P2: a name alone", "module", { kind: "default" }],
    ["P3: a bare version is a caret range (D2)", "module@1.2.3", range("^1.2.3")],
    ["a bare version with v", "module@v1.6.0", range("^1.6.0")],
    ["a bare partial version", "module@1.3", range("^1.3")],
    ["a caret range", "foo@^1.3.0", range("^1.3.0")],
    ["a patch range", "foo@~1.3.0", range("~1.3.0")],
    ["an explicit range", "foo@>=1.1.0 <1.3.0", range(">=1.1.0 <1.3.0")],
    ["a range with a comma", "foo@<1.3.0, >=1.1.0", range(">=1.1.0 <1.3.0")],
    ["alternatives", "foo@~2.1 || ^1.3.0", range("^1.3.0 || ~2.1")],
    ["an exact tag", "foo@=v1.3.0", exact("v1.3.0")],
    ["an exact tag that is no version", "foo@=bobV1", exact("bobV1")],
    ["an exact tag for one channel", "foo@=v1.3.0+stable", exact("v1.3.0", "stable")],
    ["an exact tag for lts", "foo@=v1.3.0+lts", exact("v1.3.0", "lts")],
    ["a hyphen range", "foo@1.2 - 1.4", range(">=1.2 <=1.4")],
    ["an x-range", "foo@1.x", range("1.x")],
    ["any version", "foo@*", range("*")],
    ["an exclusion first", "foo@!=1.3.0 >1.0", range(">1.0 !=1.3.0")],
    ["=> as >=", "foo@=>1.0", range(">=1.0")],
    ["=< as <=", "foo@=<1.0", range("<=1.0")],
    ["~> as ~", "foo@~>1.2", range("~1.2")],
    ["quotes that a file kept", 'foo@">=1.1.0 <1.3.0"', range(">=1.1.0 <1.3.0")],
    ["spaces around everything", "  foo @ ^1.3.0 ", range("^1.3.0")],
    ["P12: a platform range", "foo@>=1.64 <=1.68", range(">=1.64 <=1.68")],
  ])("%s: %s", (_, entry, filter) => {
    const selector = parseModuleSelector(entry);
    expect(selector.filter).toEqual(filter);
    expect(entry.trim()).toContain(selector.name);
  });

  test.each<[string, string, RegExp, RegExp | undefined]>([
    ["P5: a missing name", " @1.2.3", /module name is missing/, /name@constraint/],
    ["P7: a word", "module@invalid", /"invalid" is not a version/, /Write "=invalid"/],
    [
      "P8: an empty constraint",
      "console@",
      /`includeModules` "console@": the constraint behind @ is empty/,
      /Quote .*>=1.2/,
    ],
    ["P8: quotes with nothing in them", 'console@""', /is empty/, /Quote/],
    ["P9: two operators", "console@^^1.0", /`includeModules` "console@\^\^1\.0"/, /range/],
    ["P10: a relative path", "console@./bundle", /looks like a path/, /separate arguments/],
    ["P10: an absolute path", "console@/mnt/usb", /looks like a path/, /separate arguments/],
    ["P11: a dot too many", "console@1.64.", /not a version/, undefined],
    ["a name in upper case", "Console", /not a module name/, /lower-case/],
    ["an image", "ghcr.io/acme/web", /not a module name/, /`includeImages`/],
    [
      "an unknown channel",
      "foo@=v1.3.0+bogus",
      /"bogus" is not a release channel/,
      /alpha, beta, early-access, stable, rock-solid, lts/,
    ],
    ["an empty channel", "foo@=v1.3.0+", /"" is not a release channel/, /lts/],
    ["an empty tag", "foo@=", /tag behind = is empty/, undefined],
    ["an empty tag with a channel", "foo@=+stable", /tag behind = is empty/, undefined],
    ["two exact tags in one entry", "foo@=v1 || =v2", /is not a tag/, /Repeat the selector/],
    ["an empty alternative", "foo@^1 ||", /empty/, undefined],
    ["a range that can never match", "foo@<*", /never match/, undefined],
    ["a malformed pre-release", "foo@>=1.2.0-01", /not a range/, undefined],
    ["a number that is too large", "foo@^99999999999999999999.0.0", /not a range/, undefined],
    ["four numbers", "foo@1.2.3.4", /not a version/, undefined],
    ["endless input", `foo@${"1".repeat(5000)}`, /longer than 2048/, undefined],
  ])("refuses %s: %s", (_, entry, message, hint) => {
    const error = errorOf(() => parseModuleSelector(entry));
    expect(error.code).toBe("SELECTION_INVALID");
    expect(error.message).toMatch(message);
    if (hint) expect(error.hint).toMatch(hint);
  });

  test("names the flag that the entry came from", () => {
    const error = errorOf(() => parseModuleSelector("console@", "excludeModules"));
    expect(error.selector).toBe('`excludeModules` "console@"');
  });

  test("shows no control characters of the entry", () => {
    const error = errorOf(() => parseModuleSelector("a\u001b[31mb"));
    expect(error.message).not.toContain("\u001b");
  });
});

describe("parseImageSelector()", () => {
  const web = { registry: "ghcr.io", repository: "acme/web" };
  const digest = `sha256:${"a".repeat(64)}`;

  test.each<[string, string, unknown, VersionFilter]>([
    ["a name alone", "ghcr.io/acme/web", web, { kind: "default" }],
    ["a tag", "ghcr.io/acme/web:v2", { ...web, tag: "v2" }, { kind: "default" }],
    ["a digest", `ghcr.io/acme/web@${digest}`, { ...web, digest }, { kind: "default" }],
    [
      "tag and digest",
      `ghcr.io/acme/web:v2@${digest}`,
      { ...web, tag: "v2", digest },
      { kind: "default" },
    ],
    ["a range", "ghcr.io/acme/web@^2.1", web, range("^2.1")],
    ["a bare version", "ghcr.io/acme/web@2.1", web, range("^2.1")],
    ["an exact tag", "ghcr.io/acme/web@=bobV1", { ...web, tag: "bobV1" }, { kind: "default" }],
    [
      "an exact version with the + that no tag can have",
      "ghcr.io/acme/web@=1.2.3+up1.0",
      { ...web, tag: "1.2.3_up1.0" },
      { kind: "default" },
    ],
    [
      "a tag with the + that no tag can have",
      "ghcr.io/acme/web:1.2.3+up1.0",
      { ...web, tag: "1.2.3_up1.0" },
      { kind: "default" },
    ],
    [
      "a port",
      "host:5000/web:1",
      { registry: "host:5000", repository: "web", tag: "1" },
      { kind: "default" },
    ],
    [
      "Docker Hub",
      "nginx@~1.25",
      { registry: "docker.io", repository: "library/nginx" },
      range("~1.25"),
    ],
    ["a scheme", "docker://ghcr.io/acme/web:v2", { ...web, tag: "v2" }, { kind: "default" }],
  ])("%s: %s", (_, entry, reference, filter) => {
    expect(parseImageSelector(entry)).toEqual({ text: entry, reference, filter });
  });

  test.each<[string, string, RegExp]>([
    ["a tag and a constraint", "ghcr.io/acme/web:v2@^2", /both a tag and a constraint/],
    ["what is no tag behind =", "ghcr.io/acme/web@=v2 +up", /"v2 _up" is not a tag/],
    ["an empty constraint", "ghcr.io/acme/web@", /`includeImages` "ghcr.io\/acme\/web@": .*empty/],
    ["a word", "ghcr.io/acme/web@invalid", /not a version/],
    ["nothing", " ", /image name is missing/],
  ])("refuses %s: %s", (_, entry, message) => {
    const error = errorOf(() => parseImageSelector(entry));
    expect(error).toMatchObject({ code: "SELECTION_INVALID" });
    expect(error.message).toMatch(message);
  });

  test.each([
    ["a digest of the wrong length", "ghcr.io/acme/web@sha256:abc"],
    ["an upper-case path", "ghcr.io/ACME/web"],
    ["an empty tag", "ghcr.io/acme/web:"],
  ])("refuses %s as a reference: %s", (_, entry) => {
    expect(() => parseImageSelector(entry)).toThrow(
      expect.objectContaining({ code: "REFERENCE_INVALID" }),
    );
  });
});

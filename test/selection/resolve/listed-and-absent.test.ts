import { describe, expect, test } from "vitest";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import { image } from "../../support/artifacts.ts";
import { buildEdition, EDITION_ROOT } from "../../support/edition.ts";
import { memorySource, NotFoundError } from "../../support/memory-source.ts";
import { failureOf, resolveEdition } from "../support/resolve.ts";

const PLUGINS = "deckhouse/deckhouse-cli/plugins";
const EDITION = buildEdition();

/** The edition, with one thing that its lists name and a request does not find. */
const without = (request: string) =>
  memorySource(EDITION, { failures: { [request]: new NotFoundError("gone") } });

describe("what a list names and the source does not have is an error", () => {
  test.each<[string, string, ParseSelectionOptions]>([
    [
      "a release channel of the platform",
      `get ${EDITION_ROOT}/release-channel:early-access`,
      { noModules: true },
    ],
    [
      "a version of a plugin",
      `get ${PLUGINS}/stronghold:v1.0.0`,
      { noPlatform: true, noModules: true, includePlugins: ["stronghold@>=0.9"] },
    ],
  ])("%s", async (_, request, wishes) => {
    const failure = await failureOf(without(request), wishes);
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toContain("lists the tag, but does not have it");
  });
});

test("an attestation that a list names and the source does not have is an error", async () => {
  const { roots } = await resolveEdition(memorySource(EDITION), { noModules: true });
  const { origin, reference } = roots.find(({ kind }) => kind === "attestation") ?? {};
  const source = without(`get ${origin?.repository}:${reference}`);
  const failure = await failureOf(source, { noModules: true });
  expect(failure.message).toContain("lists the tag, but does not have it");
});

test("a package without a repository of its versions is told", async () => {
  const request = `tags ${EDITION_ROOT}/packages/postgres/version`;
  const wishes = { noPlatform: true, noModules: true };
  const { messages } = await resolveEdition(without(request), wishes);
  expect(messages.join("\n")).toContain('no versions of package "postgres" are shown');
});

test("an image that a range takes and the source does not have fails by name, and the others are taken", async () => {
  const images = { "v1.0.0": image({ name: "one" }), "v1.1.0": image({ name: "two" }) };
  const { openSource } = memorySource(
    { "acme/web": images },
    { failures: { "get acme/web:v1.0.0": new NotFoundError("gone") } },
  );
  const { selection } = parseSelection({ includeImages: ["registry.test/acme/web@^1"] });
  const { roots, failures } = await resolveSelection(selection, { openSource });
  expect(roots.map(({ reference }) => reference)).toEqual(["v1.1.0"]);
  expect(failures).toMatchObject([
    {
      code: "CONTENT_MISSING",
      subject: "registry.test/acme/web:v1.0.0",
      message: expect.stringContaining("lists this tag and does not have"),
      hint: expect.stringContaining("`excludeTags`"),
    },
  ]);
});

describe("an image by tag and digest, where the registry does not know the digest", () => {
  const [wanted, other] = [image({ name: "one" }), image({ name: "two" })];
  const { digest } = wanted.manifest.descriptor;
  const resolve = async (held: typeof wanted) => {
    const { openSource } = memorySource(
      { "acme/web": { v1: held } },
      { failures: { [`get acme/web:${digest}`]: new NotFoundError("not yet") } },
    );
    const { selection } = parseSelection({
      includeImages: [`registry.test/acme/web:v1@${digest}`],
    });
    return await resolveSelection(selection, { openSource });
  };

  // Pull-through caches of Amazon fetch nothing by its digest
  test("is taken by its tag", async () => {
    const { roots } = await resolve(wanted);
    expect(roots).toMatchObject([{ reference: digest, manifest: { descriptor: { digest } } }]);
  });

  test("is none if the tag is another image, which is told", async () => {
    const { digest: moved } = other.manifest.descriptor;
    await expect(resolve(other)).rejects.toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining(`"v1" is ${moved} there`),
    });
  });
});

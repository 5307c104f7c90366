import { expect, test } from "vitest";
import type { BundleStore } from "../../src/bundle/images/bundle-store.ts";
import { parsePolicy } from "../../src/trust/policy.ts";
import { requireBundledSignatures } from "../../src/trust/require-bundled-signatures.ts";
import type { SignatureRule } from "../../src/trust/signature-rule.ts";
import { createKey, manifestsOf, signStatement } from "../support/signatures.ts";

const KEY = createKey();
const SIGNED = signStatement('{"schemaVersion":2,"config":{},"layers":[]}', KEY);
const DEMAND = { name: "key.pub", publicKey: KEY.publicKey };

/** A bundle whose one image lies under another path than the name says that it will have in a runtime. */
function storeOf(signatures: number): BundleStore {
  const [image, ...followers] = manifestsOf(SIGNED).map(({ root, subject, tags }) => {
    const source = { registry: "ghcr.io", repository: "acme/web" };
    return { repository: "tools/web", root, subject, tag: tags[0], source };
  });
  const [first] = manifestsOf(SIGNED);
  return {
    images: [image],
    referrers: followers.slice(0, signatures),
    repository: () => ({
      fetchManifest: async (digest: string) => ({
        bytes: await first?.read({ digest, mediaType: "", size: 0 }),
      }),
      fetch: async ({ digest }: { digest: string }) => [
        await first?.read({ digest, mediaType: "", size: 0 }),
      ],
    }),
  } as never;
}

test.each<[string, SignatureRule[], number]>([
  ["its path in the bundle", [{ pattern: "tools/*", demand: DEMAND }], 1],
  ["the name that a runtime gives it", [{ pattern: "ghcr.io/acme/*", demand: DEMAND }], 1],
  [
    "that name, whatever is said of its path",
    [
      { pattern: "ghcr.io/acme/*", demand: DEMAND },
      { pattern: "tools/web", demand: "none" },
    ],
    1,
  ],
  ["nothing where it is exempt", [{ pattern: "*", demand: "none" }], 0],
])("an image that is loaded has to be signed by the rule for %s", async (_, rules, count) => {
  const policy = await parsePolicy(rules);
  const found = await requireBundledSignatures([storeOf(1)], policy, {});
  expect(found.signatures).toHaveLength(count);
  const unsigned = requireBundledSignatures([storeOf(0)], policy, {});
  if (count === 0) await expect(unsigned).resolves.toEqual({ signatures: [], notices: [] });
  else await expect(unsigned).rejects.toMatchObject({ code: "SIGNATURE_REFUSED" });
});

test("an image that is not loaded need not be signed", async () => {
  const policy = await parsePolicy([{ pattern: "*", demand: DEMAND }]);
  const checked = requireBundledSignatures([storeOf(0)], policy, { isUsed: () => false });
  await expect(checked).resolves.toMatchObject({ signatures: [] });
});

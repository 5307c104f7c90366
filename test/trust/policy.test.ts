import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { clausesFor, parsePolicy } from "../../src/trust/policy.ts";
import type { SignatureRule } from "../../src/trust/signature-rule.ts";
import { createKey } from "../support/signatures.ts";

const { privateKey, publicKey } = createKey();

function key(name: string): SignatureRule["demand"] {
  return { name, publicKey };
}

describe("clausesFor", () => {
  const RULES: readonly SignatureRule[] = [
    { pattern: "*", demand: key("all") },
    { pattern: "ghcr.io/acme/*", demand: key("acme") },
    { pattern: "ghcr.io/acme/*", demand: key("acme before") },
    { pattern: "ghcr.io/acme/tools", demand: "none" },
    { pattern: "ghcr.io/*/web", demand: key("web") },
    { pattern: "ghcr.io/vendor/a*", demand: key("a") },
    { pattern: "ghcr.io/vendor/*a", demand: "none" },
    { pattern: "host:5000/*", demand: key("port") },
  ];

  test.each([
    ["docker.io/library/nginx", [["all"]]],
    ["modules/foo", [["all"]]],
    ["", [["all"]]],
    // One of the keys of a pattern has to have signed
    ["ghcr.io/acme/web", [["acme", "acme before"]]],
    ["ghcr.io/acme/tools", [[]]],
    ["ghcr.io/acme/tools/more", [["acme", "acme before"]]],
    ["ghcr.io/other/web", [["web"]]],
    // Patterns that say as much: what any of them demands
    ["ghcr.io/vendor/a", [["a"], []]],
    ["host-5000/web", [["port"]]],
  ])("of the patterns that fit %j, takes the one that says most", async (repository, wanted) => {
    const found = clausesFor(await parsePolicy(RULES), repository);
    expect(found.map(({ signers }) => signers.map(({ name }) => name))).toEqual(wanted);
  });

  test("does not depend on the order of the rules", async () => {
    const [there, back] = [await parsePolicy(RULES), await parsePolicy([...RULES].reverse())];
    for (const repository of ["ghcr.io/acme/web", "ghcr.io/acme/tools", "ghcr.io/vendor/a"]) {
      const patterns = (policy: typeof there) =>
        clausesFor(policy, repository).map(({ pattern }) => pattern);
      expect(patterns(back).sort()).toEqual(patterns(there).sort());
    }
  });

  test("says nothing of what no pattern fits", async () => {
    const policy = await parsePolicy([{ pattern: "ghcr.io/acme/*", demand: key("acme") }]);
    expect(clausesFor(policy, "ghcr.io/other/web")).toEqual([]);
    // The end of a pattern is the end of the name
    expect(clausesFor(policy, "xghcr.io/acme/web")).toEqual([]);
  });
});

describe("parsePolicy", () => {
  const pem = (pair: ReturnType<typeof generateKeyPairSync>) =>
    String((pair as never as typeof KEYS).publicKey.export({ type: "spki", format: "pem" }));
  const KEYS = generateKeyPairSync("ed25519");

  test.each([
    ["ECDSA P-384", createKey("P-384").publicKey],
    ["ECDSA P-521", createKey("P-521").publicKey],
    ["Ed25519", pem(KEYS as never)],
    ["RSA", pem(generateKeyPairSync("rsa", { modulusLength: 2048 }) as never)],
  ])("takes a key of %s", async (_, publicKey) => {
    const { clauses } = await parsePolicy([{ pattern: "*", demand: { name: "k", publicKey } }]);
    expect(clauses[0]?.signers).toHaveLength(1);
  });

  test.each([
    ["a private key", privateKey.export({ type: "pkcs8", format: "pem" }), "it is a private key"],
    ["no key", "hello", "BEGIN PUBLIC KEY"],
    ["half a key", publicKey.slice(0, 60), "not a public key that can be read"],
    [
      "a short RSA key",
      pem(generateKeyPairSync("rsa", { modulusLength: 1024 }) as never),
      "too few",
    ],
    ["a curve that nobody signs with", createKey("secp256k1").publicKey, "no ECDSA key of"],
    ["a key for another purpose", pem(generateKeyPairSync("x25519") as never), "no ECDSA key of"],
  ])("refuses %s", async (_, publicKey, reason) => {
    const rules = [{ pattern: "*", demand: { name: "k.pub", publicKey: String(publicKey) } }];
    await expect(parsePolicy(rules)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(new RegExp(`"k\\.pub".*${reason}`)),
      hint: expect.any(String),
    });
  });

  test.each(["", "Acme/*", "acme web", "acme/[a", "a".repeat(300), 5 as never])(
    "refuses the pattern %j",
    async (pattern) => {
      const rules: SignatureRule[] = [{ pattern, demand: "none" }];
      await expect(parsePolicy(rules)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    },
  );

  test("refuses a signature and none for the same repositories", async () => {
    const rules: SignatureRule[] = [
      { pattern: "host:5000/*", demand: "none" },
      { pattern: "host-5000/*", demand: key("k") },
    ];
    await expect(parsePolicy(rules)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  const NO_AUTHORITY = { certChain: { certificates: [{ rawBytes: "AA==" }] } };
  const IDENTITY = { name: "ci.json", issuer: "https://issuer", identity: "a@b", trustedRoot: {} };

  test.each([
    [{ ...IDENTITY, issuer: "" }, "no issuer"],
    [{ ...IDENTITY, identity: undefined as never }, "no identity"],
    [{ ...IDENTITY, identity: "**" }, "stands for everyone"],
    [IDENTITY, "not the content of a trusted_root.json"],
    [{ ...IDENTITY, trustedRoot: { certificateAuthorities: [NO_AUTHORITY] } }, "be read"],
  ])("refuses an identity that is none: %j", async (demand, reason) => {
    await expect(parsePolicy([{ pattern: "*", demand }])).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(reason),
    });
  });
});

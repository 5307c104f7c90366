import { writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { readSignatureRules } from "../../src/trust/read-rules.ts";
import { eachTest } from "../support/fixture.ts";
import { createKey } from "../support/signatures.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const [ONE, TWO] = [createKey().publicKey, createKey().publicKey];

let keyPath: string;

const directory = eachTest(openTempDirectory);

beforeEach(async () => {
  keyPath = await write("key.pub", ONE);
});

describe("readSignatureRules", () => {
  test("reads a key for all repositories, one for some, and an exemption", async () => {
    const demand = { name: keyPath, publicKey: ONE.trim() };
    expect(await readSignatureRules([keyPath, `ghcr.io/acme/*=${keyPath}`, "a/b=none"])).toEqual([
      { pattern: "*", demand },
      { pattern: "ghcr.io/acme/*", demand },
      { pattern: "a/b", demand: "none" },
    ]);
    expect(await readSignatureRules(["none"])).toEqual([{ pattern: "*", demand: "none" }]);
  });

  test("loses none of several keys in one file", async () => {
    const path = await write("two.pub", `# old\n${ONE}\n# new\n${TWO}`);
    expect(await readSignatureRules([path])).toEqual([
      { pattern: "*", demand: { name: `${path} (key 1)`, publicKey: ONE.trim() } },
      { pattern: "*", demand: { name: `${path} (key 2)`, publicKey: TWO.trim() } },
    ]);
  });

  test("takes what stands behind the first = as a path", async () => {
    const path = await write("a=b.pub", ONE);
    const rules = await readSignatureRules([`*=${path}`]);
    expect(rules).toMatchObject([{ pattern: "*", demand: { name: path } }]);
  });

  test("reads an identity, with the trusted root that lies beside it", async () => {
    await write("root.json", '{"certificateAuthorities":[]}');
    const who = { issuer: "https://issuer", identity: "https://ci/*" };
    const path = await write("ci.json", JSON.stringify({ ...who, trustedRoot: "root.json" }));
    const trustedRoot = { certificateAuthorities: [] };
    expect(await readSignatureRules([`x/*=${path}`])).toEqual([
      { pattern: "x/*", demand: { name: path, ...who, trustedRoot } },
    ]);
  });

  test.each([
    ['{"issuer":"a"}', "both an issuer and an identity"],
    ['{"issuer":"a","identity":"b"}', "names no file as its trustedRoot"],
    ['{"issuer":"a","identity":"b","trustedRoot":"missing.json"}', "it cannot be read"],
    ['{"issuer":"a","identity":"b","subject":"c"}', 'a field "subject"'],
    ["{", "it is not JSON (line 1"],
  ])("refuses the identity %s", async (text, reason) => {
    await expect(readSignatureRules([await write("ci.json", text)])).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(reason),
    });
  });

  test.each(["", "x=", "=none", "missing.pub"])("refuses %j", async (text) => {
    await expect(readSignatureRules([text])).rejects.toMatchObject({
      code: "OPTION_INVALID",
      hint: expect.any(String),
    });
  });
});

async function write(name: string, text: string): Promise<string> {
  const path = directory.resolve(name);
  await writeFile(path, text);
  return path;
}

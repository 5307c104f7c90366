import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startProxy } from "../registry/support/proxy.ts";
import { runMirror } from "../support/cli.ts";
import { type Faults, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const SECRET = "marker-p4ssword";
const USER = { username: "ada", password: SECRET };
const BASE64 = Buffer.from(`ada:${SECRET}`).toString("base64");

/** Every text below a directory but the packages, which hold the images. */
async function readAll(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && !/\.(?:tar|chunk)$/.test(entry.name));
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), "utf8"));
  return (await Promise.all(texts)).join("\n");
}

const BASIC = { auth: { scheme: "basic", ...USER } } as const;
const BEARER = { auth: { scheme: "bearer", credentials: USER } } as const;

test.each<[string, Faults, string, number]>([
  ["Basic", BASIC, SECRET, 0],
  ["Bearer", BEARER, SECRET, 0],
  ["a refused password", BASIC, `${SECRET}-wrong`, 10],
  ["a token server that refuses", BEARER, `${SECRET}-wrong`, 10],
])("secrets of %s are in no output and no file", async (_, faults, password, status) => {
  await using directory = await openTempDirectory();
  await using proxy = await startProxy({ user: `ada:${SECRET}` });
  await using registry = await startFaultRegistry({ faults });
  const bundle = directory.resolve("demo");
  await runMirror(["demo", "--directory", bundle]);
  const auth = Buffer.from(`ada:${password}`).toString("base64");
  // plain HTTP to an address that is no loopback one for proxies
  const host = registry.host.replace("127.0.0.1", "0.0.0.0");
  const logins = JSON.stringify({ auths: { [host]: { auth } } });
  await using elsewhere = await openTempDirectory();
  const authfile = elsewhere.resolve("auth.json");
  await writeFile(authfile, logins);
  const env = { REGISTRY_AUTH_FILE: authfile, HTTP_PROXY: `http://ada:${SECRET}@${proxy.host}` };
  const source = (await readdir(bundle)).includes("bundle") ? join(bundle, "bundle") : bundle;
  for (const progress of ["json", "plain"]) {
    const words = ["push", source, `${host}/team/mirror`, "--insecure", "--debug"];
    const result = await runMirror([...words, "--progress", progress], {
      cwd: directory.path,
      env,
    });
    expect(result.exitCode).toBe(status);
    const shown = result.stdout + result.stderr + (await readAll(directory.path));
    expect(shown).toContain("credential-chosen");
    for (const secret of [SECRET, BASE64, auth]) expect(shown).not.toContain(secret);
    expect(shown).not.toMatch(/authorization"?: *"?(?:Basic|Bearer) /i);
  }
  expect(proxy.seen.some(({ authorization }) => authorization === `Basic ${BASE64}`)).toBe(true);
});

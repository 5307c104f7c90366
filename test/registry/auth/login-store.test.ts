import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { removeLogin, storeLogin } from "../../../src/registry/auth/login-store.ts";
import { MARKER } from "../../support/secrets.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const AUTH = Buffer.from(`ada:${MARKER}`).toString("base64");
const ADA = { registry: "a.test", username: "ada", password: MARKER };

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

describe("storeLogin()", () => {
  test("writes where docker login does, for the owner only", async () => {
    await using directory = await openTempDirectory();
    const place = { env: {}, homeDirectory: directory.path };
    const path = directory.resolve(".docker/config.json");
    expect(await storeLogin({ ...ADA, ...place })).toBe(`"${path}"`);
    expect(await readJson(path)).toEqual({ auths: { "a.test": { auth: AUTH } } });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory.resolve(".docker"))).toEqual(["config.json"]);
  });

  test("keeps what else is in the file, also behind a link", async () => {
    await using directory = await openTempDirectory();
    const [path, link] = [directory.resolve("real.json"), directory.resolve("link.json")];
    const others = { "b.test": { auth: "x" }, "a.test/team": { auth: "y" } };
    const rest = { HttpHeaders: { a: "b" }, plugins: { x: [1] } };
    const old = { "https://a.test/v1/": { auth: "old" } };
    await writeFile(path, JSON.stringify({ auths: { ...others, ...old }, ...rest }));
    await symlink(path, link);
    await storeLogin({ ...ADA, env: { REGISTRY_AUTH_FILE: link } });
    expect(await readJson(path)).toEqual({
      auths: { ...others, "a.test": { auth: AUTH } },
      ...rest,
    });
    expect(await removeLogin({ registry: "a.test", authFile: link })).toBe(true);
    expect(await readJson(path)).toEqual({ auths: others, ...rest });
    expect(await removeLogin({ registry: "a.test", authFile: link })).toBe(false);
  });

  test("names Docker Hub as Docker does", async () => {
    await using directory = await openTempDirectory();
    const authFile = directory.resolve("auth.json");
    await storeLogin({ ...ADA, registry: "docker.io", authFile });
    expect(await readJson(authFile)).toMatchObject({
      auths: { "https://index.docker.io/v1/": { auth: AUTH } },
    });
  });

  test("leaves a file alone that it cannot read, without quoting it", async () => {
    await using directory = await openTempDirectory();
    const authFile = directory.resolve("auth.json");
    await writeFile(authFile, `{"auths": ${MARKER}`);
    const attempt = storeLogin({ ...ADA, authFile });
    await expect(attempt).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await expect(attempt).rejects.not.toThrow(MARKER);
    expect(await readFile(authFile, "utf8")).toBe(`{"auths": ${MARKER}`);
  });

  test("gives the secret to a helper by stdin, and not to the file", async () => {
    await using directory = await openTempDirectory();
    const authFile = directory.resolve("auth.json");
    const log = directory.resolve("log");
    const program = directory.resolve("docker-credential-test");
    await writeFile(program, `#!/bin/sh\necho "$@" >>${log}\ncat >>${log}\n`);
    await chmod(program, 0o755);
    await writeFile(authFile, JSON.stringify({ credHelpers: { "a.test": "test" } }));
    const env = { PATH: `${directory.path}:${process.env["PATH"]}` };
    expect(await storeLogin({ ...ADA, env, authFile })).toBe("docker-credential-test");
    const call = { ServerURL: "a.test", Username: "ada", Secret: MARKER };
    expect(await readFile(log, "utf8")).toBe(`store\n${JSON.stringify(call)}`);
    expect(await readFile(authFile, "utf8")).not.toMatch(new RegExp(`${MARKER}|${AUTH}`));
    expect(await removeLogin({ registry: "a.test", env, authFile })).toBe(true);
    expect(await readFile(log, "utf8")).toMatch(/erase\na\.test$/);
  });

  test("says which helper is missing, and stores nothing", async () => {
    await using directory = await openTempDirectory();
    await mkdir(directory.resolve("home"));
    const authFile = directory.resolve("auth.json");
    const text = JSON.stringify({ credsStore: "absent" });
    await writeFile(authFile, text);
    await expect(storeLogin({ ...ADA, env: { PATH: "" }, authFile })).rejects.toMatchObject({
      message: expect.stringContaining("docker-credential-absent is not installed"),
    });
    expect(await readFile(authFile, "utf8")).toBe(text);
  });
});

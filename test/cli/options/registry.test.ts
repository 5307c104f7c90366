import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import {
  noticesOfPasswords,
  toSourceLogin,
  toTargetLogin,
} from "../../../src/cli/options/credentials.ts";
import { toRegistryOptions } from "../../../src/cli/options/registry.ts";

describe("toRegistryOptions()", () => {
  test("says nothing about what was not asked for", () => {
    expect(toRegistryOptions({})).toEqual({ insecure: false, tlsSkipVerify: false });
  });

  test("reads numbers and durations", () => {
    const flags = { concurrency: "8", rps: "2.5", "retry-timeout": "15m", insecure: true };
    expect(toRegistryOptions({ ...flags, "tls-skip-verify": true })).toEqual({
      insecure: true,
      tlsSkipVerify: true,
      concurrency: 8,
      requestsPerSecond: 2.5,
      retryTimeoutMs: 900_000,
    });
  });

  test("names hosts that are not as they should be", () => {
    const flags = { "insecure-host": ["a:5000"], "tls-skip-verify-host": ["b"] };
    expect(toRegistryOptions(flags)).toMatchObject({
      insecureHosts: ["a:5000"],
      tlsSkipVerifyHosts: ["b"],
    });
  });

  test("names the files of TLS", () => {
    const flags = { "ca-file": ["a.pem", "b.pem"], "cert-file": "c.pem", "key-file": "k.pem" };
    expect(toRegistryOptions({ ...flags, "certs-dir": ["certs.d"] })).toMatchObject({
      caFiles: ["a.pem", "b.pem"],
      certFile: "c.pem",
      keyFile: "k.pem",
      certsDirectories: ["certs.d"],
    });
  });

  test.each([
    [{ concurrency: "0" }],
    [{ concurrency: "1.5" }],
    [{ concurrency: "many" }],
    [{ concurrency: "1000" }],
    [{ rps: "0" }],
    [{ rps: "-1" }],
    [{ rps: "1e3" }],
    [{ "retry-timeout": "soon" }],
  ])("refuses %j", (flags) => {
    expect(() => toRegistryOptions(flags)).toThrow(/^Cannot use --/);
  });
});

test("every command that accepts any certificate, or plain HTTP, can do so for one host", () => {
  const without = COMMANDS.filter(
    ({ flags }) =>
      ("tls-skip-verify" in flags && !("tls-skip-verify-host" in flags)) ||
      ("insecure" in flags && !("insecure-host" in flags)),
  );
  // Files for clients have one host only: the mirror
  expect(without.map(({ name }) => name)).toEqual(["client-config"]);
});

describe("toSourceLogin()", () => {
  const pair = { "source-login": "ada", "source-password": "secret" };

  test.each([
    ["nothing", {}, undefined, undefined],
    [
      "login and password",
      pair,
      undefined,
      { login: "ada", password: "secret", origin: "--source-login" },
    ],
    [
      "a license",
      { license: "token" },
      undefined,
      { login: "license-token", password: "token", origin: "--license" },
    ],
    [
      "a piped license",
      { "license-stdin": true },
      "token",
      { login: "license-token", password: "token", origin: "--license" },
    ],
    [
      "both: the pair wins",
      { ...pair, license: "token" },
      undefined,
      { login: "ada", password: "secret", origin: "--source-login" },
    ],
    [
      "a piped password, which wins over a given one",
      { ...pair, "source-password-stdin": true },
      "piped",
      { login: "ada", password: "piped", origin: "--source-login" },
    ],
  ])("understands %s", async (_what, flags, secretFromStdin, login) => {
    expect(await toSourceLogin(flags, { env: {}, secretFromStdin })).toEqual(login);
  });

  test.each([
    [{ "source-login": "ada" }, /--source-password is missing/],
    [{ "source-password": "secret" }, /--source-login is missing/],
    [{ "source-password-stdin": true, "license-stdin": true }, /both the password and the license/],
  ])("refuses %j", async (flags, message) => {
    const given = { env: {}, secretFromStdin: "secret" };
    await expect(toSourceLogin(flags, given)).rejects.toThrow(message);
  });
});

describe("toTargetLogin()", () => {
  test("takes the piped password", async () => {
    const flags = { "registry-login": "ada", "registry-password-stdin": true };
    expect(await toTargetLogin(flags, { env: {}, secretFromStdin: "piped" })).toEqual({
      login: "ada",
      password: "piped",
      origin: "--registry-login",
    });
  });

  test("refuses a password without a login", async () => {
    await expect(toTargetLogin({ "registry-password": "x" }, { env: {} })).rejects.toThrow(
      /--registry-login is missing/,
    );
  });

  test.each(["MIRROR_REGISTRY_PASSWORD", "D8_MIRROR_REGISTRY_PASSWORD"])(
    "takes %s without a login for no mistake, and says that stored logins are used",
    async (variable) => {
      const flags = { "registry-password": "x" };
      const env = { [variable]: "x" };
      expect(await toTargetLogin(flags, { env })).toBeUndefined();
      expect(noticesOfPasswords(flags, env)).toEqual([
        { code: "PASSWORD_UNUSED", message: expect.stringContaining(`${variable} has no effect`) },
      ]);
    },
  );

  test("asks for the password of a login that has none", async () => {
    const asked: string[] = [];
    const ask = async (login: string) => {
      asked.push(login);
      return "typed";
    };
    const login = await toTargetLogin({ "registry-login": "ada" }, { env: {}, ask });
    expect(login).toMatchObject({ login: "ada", password: "typed" });
    expect(asked).toEqual(["ada"]);
  });
});

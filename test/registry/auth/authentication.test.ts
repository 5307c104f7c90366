import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/registry/auth/credentials.ts";
import type { BearerOptions } from "../../support/faults/auth-faults.ts";
import type { Faults } from "../../support/registry.ts";
import { MARKER } from "../../support/secrets.ts";
import { blobOf } from "../support/content.ts";
import { startSession } from "../support/session.ts";

const USER = { username: "robot", password: MARKER };
const PASSWORD: Credential = { kind: "password", ...USER, origin: "--source-login" };
const blob = blobOf(Buffer.from("content of a blob"));

async function start(
  auth: Partial<BearerOptions> = {},
  credential?: Credential,
  more: Faults = {},
) {
  const faults = { auth: { scheme: "bearer", ...auth }, ...more } as const;
  const session = await startSession(faults, { credentials: async () => credential });
  session.seed(blob);
  return session;
}

describe("Bearer", () => {
  test("needs one refusal and one token for any number of requests", async () => {
    await using session = await start();
    const requests = Array.from({ length: 10 }, () => session.repository.exists(blob.expected));
    expect(await Promise.all(requests)).toEqual(requests.map(() => true));
    const { log } = session.registry;
    expect(log.entries.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(log.count("GET", /token/)).toBe(1);
  });

  test("asks for the token of the next repository without being refused", async () => {
    await using session = await start();
    await session.repository.exists(blob.expected);
    session.registry.log.clear();
    await session.open("acme/api").exists(blob.expected);
    expect(session.registry.log.entries.map(({ path }) => path)).toEqual([
      "/token",
      expect.stringContaining("acme/api"),
    ]);
  });

  test("asks by name and scope, with the password as Basic", async () => {
    await using session = await start({ credentials: USER }, PASSWORD);
    await session.repository.push(blob.expected, blob.open);
    const [request] = session.registry.log.find("GET", /token/);
    const query = new URLSearchParams(request?.query);
    expect(Object.fromEntries(query)).toMatchObject({
      service: "fault-registry",
      scope: "repository:acme/web:pull",
      account: "robot",
    });
    expect(request?.headers.authorization).toMatch(/^Basic /);
  });

  test.each<[string, Partial<BearerOptions>]>([
    ["is called access_token", { field: "access_token" }],
    ["has two names", { field: "both" }],
    ["has no expiry", { expiresIn: "absent" }],
    ["lives a second", { lifeSeconds: 1 }],
    ["lives for one request", { lifeRequests: 1 }],
    ["comes with a Basic challenge", { challenges: "both-in-one-header" }],
    ["comes with a Basic header", { challenges: "both-in-two-headers" }],
    ["covers the first scope only", { scopes: "first" }],
  ])("works when the token %s", async (_, auth) => {
    await using session = await start({ credentials: USER, ...auth }, PASSWORD);
    const { expected, open } = blobOf(Buffer.from("another"));
    for (const repository of [session.repository, session.open("other")]) {
      expect((await repository.push(expected, open)).outcome).toBe("uploaded");
      expect(await buffer(await repository.fetch(expected))).toEqual(Buffer.from("another"));
    }
  });

  test("refreshes a token that ends between the parts of an upload", async () => {
    const faults = { auth: { scheme: "bearer", lifeRequests: 2 } } as const;
    await using session = await startSession(faults, { partSizeBytes: 1024 });
    const { expected, open } = blobOf(Buffer.alloc(10_000, 7));
    const result = await session.repository.push(expected, open);
    expect(result.outcome).toBe("uploaded");
    expect(session.registry.log.count("GET", /token/)).toBeGreaterThan(2);
  });

  test("is learnt when a push asks for it, after everybody could read", async () => {
    await using session = await start({ credentials: USER, openTo: "readers" }, PASSWORD);
    const other = blobOf(Buffer.from("another blob"));
    expect(await session.repository.exists(blob.expected)).toBe(true);
    await session.repository.push(other.expected, other.open);
    const { log } = session.registry;
    const refused = log.entries.filter(({ status }) => status === 401);
    expect(refused.map(({ method }) => method)).toEqual(["POST"]);
    expect(log.count("GET", /^\/token$/)).toBe(1);
  });

  test("exchanges an identity token by POST", async () => {
    const credential: Credential = { kind: "identity-token", identityToken: "r", origin: "a file" };
    await using session = await start({ credentials: USER, identityToken: "r" }, credential);
    expect(await session.repository.exists(blob.expected)).toBe(true);
    expect(session.registry.log.count("POST", /token/)).toBe(1);
  });

  test("sends a registry token as it is", async () => {
    const registryToken = "token-of-the-file";
    const credential: Credential = { kind: "registry-token", registryToken, origin: "a file" };
    await using session = await start({}, credential);
    await session.repository.exists(blob.expected).catch(() => undefined);
    const { log } = session.registry;
    expect(log.entries.at(-1)?.headers.authorization).toBe(`Bearer ${registryToken}`);
    expect(log.count("GET", /token/)).toBe(0);
  });

  test("mounts with a token for both repositories", async () => {
    await using session = await start({ credentials: USER }, PASSWORD);
    const result = await session
      .open("other")
      .push(blob.expected, blob.open, { mountFrom: "acme/web" });
    expect(result.outcome).toBe("mounted");
  });

  test("falls back to an upload when the token covers only the target", async () => {
    await using session = await start({ credentials: USER, scopes: "first" }, PASSWORD);
    const result = await session
      .open("other")
      .push(blob.expected, blob.open, { mountFrom: "acme/web" });
    expect(result.outcome).toBe("uploaded");
  });
});

describe("a refusal", () => {
  test("of the password names the user and where it is from, never the password", async () => {
    const wrong: Credential = { ...PASSWORD, password: `${MARKER}-wrong` };
    await using session = await start({ credentials: USER }, wrong);
    const failure = await session.repository.exists(blob.expected).catch((error) => error);
    expect(failure).toMatchObject({ code: "REGISTRY_DENIED", status: 401 });
    expect(failure.hint).toContain('refuses the login of user "robot" from --source-login');
    expect(JSON.stringify([failure, failure.message, failure.stack])).not.toContain(MARKER);
  });

  test("of a password by Basic says so as well", async () => {
    const wrong: Credential = { ...PASSWORD, password: `${MARKER}-wrong` };
    await using session = await startSession(
      { auth: { scheme: "basic", ...USER } },
      { credentials: async () => wrong },
    );
    await expect(session.repository.exists(blob.expected)).rejects.toMatchObject({
      hint: expect.stringContaining("refuses the login of"),
    });
  });

  test("of an action that the token lacks is not asked for again and again", async () => {
    await using session = await start({ withheld: ["push"] });
    const { expected, open } = blobOf(Buffer.from("another"));
    await expect(session.repository.push(expected, open)).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      hint: expect.not.stringContaining("refuses the login"),
    });
    expect(session.registry.log.count("POST", /uploads/)).toBeLessThanOrEqual(3);
  });

  test("by Basic without a password is not repeated", async () => {
    await using session = await startSession({ auth: { scheme: "basic", ...USER } });
    await expect(session.repository.fetchManifest("v1")).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
    });
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("without a challenge says that it is none of a registry", async () => {
    await using session = await startSession({ head: { answer: 401, of: "blob" } });
    const failure = await session.repository.exists(blob.expected).catch((error) => error);
    expect(failure.hint).toContain("does not say how");
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("of a token server asks the source again", async () => {
    const passwords = [`${MARKER}-old`, USER.password];
    await using session = await startSession(
      { auth: { scheme: "bearer", credentials: USER } },
      { credentials: async () => ({ ...PASSWORD, password: passwords.shift() ?? "" }) },
    );
    session.seed(blob);
    expect(await session.repository.exists(blob.expected)).toBe(true);
  });

  test("asks the source again, because passwords of helpers expire", async () => {
    const passwords = [`${MARKER}-old`, USER.password];
    await using session = await startSession(
      { auth: { scheme: "basic", ...USER } },
      { credentials: async () => ({ ...PASSWORD, password: passwords.shift() ?? "" }) },
    );
    session.seed(blob);
    expect(await session.repository.exists(blob.expected)).toBe(true);
  });
});

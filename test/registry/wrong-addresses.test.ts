import { describe, expect, test } from "vitest";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { createFakeClock } from "../support/clock.ts";
import { blobOf } from "./support/content.ts";
import { type Answer, send, startServer } from "./support/server.ts";

const blob = blobOf(Buffer.from("content of a blob"));
const ABSENT = "storage.invalid";

type Repository = ReturnType<ReturnType<typeof openRegistryClient>["repository"]>;

async function attempt(answer: Answer, use: (repository: Repository) => Promise<unknown>) {
  const clock = createFakeClock();
  await using server = await startServer(answer);
  await using client = openRegistryClient({ clock, env: {} });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  const failure = await use(repository).catch((error: unknown) => error);
  return { failure, host: server.host, sleeps: clock.sleeps };
}

const push = (repository: Repository) => repository.push(blob.expected, blob.open);
const fetch = (repository: Repository) => repository.fetch(blob.expected);

/** A registry whose answers lead to an address: of uploads, of content, of tokens. */
const leadingTo = (address: (host: string) => string): Readonly<Record<string, Answer>> => ({
  Location: ({ method, headers }, response) => {
    if (method === "HEAD") return send(response, 404);
    const location = `${address(headers.host ?? "")}/upload`;
    return send(response, method === "POST" ? 202 : 404, { location });
  },
  redirect: ({ headers }, response) => {
    send(response, 307, { location: `${address(headers.host ?? "")}/blob` });
  },
  realm: ({ headers }, response) => {
    const realm = `${address(headers.host ?? "")}/token`;
    send(response, 401, { "www-authenticate": `Bearer realm="${realm}"` });
  },
});

describe("an address at a name that does not resolve is tried three times and blamed on who gave it", () => {
  const answers = leadingTo(() => `http://${ABSENT}`);
  test.each([
    ["Location", push],
    ["redirect", fetch],
    ["realm", fetch],
  ] as const)("%s", async (name, use) => {
    const { failure, host, sleeps } = await attempt(answers[name] as Answer, use);
    expect(failure).toMatchObject({ code: "REGISTRY_UNREACHABLE", reason: "dns" });
    expect((failure as Error).message).toContain(`"${ABSENT}"`);
    expect((failure as Error).message).toContain(`registry "${host}"`);
    // an upload is asked for its state once more
    expect(sleeps.length).toBeLessThanOrEqual(name === "Location" ? 3 : 2);
  });
});

describe("an address with https at a registry that speaks plain HTTP is blamed on the registry", () => {
  const answers = leadingTo((host) => `https://${host}`);
  test.each([
    ["Location", push],
    ["redirect", fetch],
    ["realm", fetch],
  ] as const)("%s", async (name, use) => {
    const { failure, host, sleeps } = await attempt(answers[name] as Answer, use);
    const { message, hint } = failure as { message: string; hint: string };
    expect(message).toContain(`registry "${host}"`);
    expect(hint).not.toMatch(/insecure/);
    expect(hint).toContain("address by which clients reach the registry");
    expect(sleeps.length).toBeLessThanOrEqual(5);
  });
});

test("headers that are too long are called that, and not asked for again", async () => {
  const { failure, sleeps } = await attempt((_, response) => {
    send(response, 200, { "x-filler": "x".repeat(40_000) });
  }, fetch);
  expect(failure).toMatchObject({ code: "REGISTRY_UNREACHABLE", reason: "headers" });
  expect((failure as Error).message).not.toContain("not HTTP");
  expect(sleeps).toEqual([]);
});

test("a registry on loopback may not send us to link-local addresses", async () => {
  const answers = leadingTo(() => "http://169.254.169.254");
  for (const [name, use] of [
    ["Location", push],
    ["redirect", fetch],
    ["realm", fetch],
  ] as const) {
    const { failure } = await attempt(answers[name] as Answer, use);
    expect((failure as Error).message).toMatch(/inner network/);
  }
});

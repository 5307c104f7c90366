import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/registry/auth/credentials.ts";
import { type DiagnoseOptions, diagnose } from "../../../src/registry/doctor/diagnose.ts";
import type { Check } from "../../../src/registry/doctor/report.ts";
import { bufferContent } from "../../../src/server/memory-content.ts";
import { createFakeClock } from "../../support/clock.ts";
import type { BearerOptions } from "../../support/faults/auth-faults.ts";
import { type FaultRegistry, type Faults, startFaultRegistry } from "../../support/registry.ts";
import { MARKER, refuseSecrets } from "../../support/secrets.ts";
import { blobOf, manifestOf } from "../support/content.ts";

const USER = { username: "robot", password: MARKER };
const PASSWORD: Credential = { kind: "password", ...USER, origin: "--username" };

function seed({ content }: FaultRegistry): void {
  const [config, layer] = [Buffer.from("{}"), Buffer.from("layer")];
  const { descriptor, bytes } = manifestOf(config, layer);
  const { blobs, manifests, tags } = content.repository("acme/web");
  for (const blob of [config, layer].map(blobOf)) {
    blobs.set(blob.expected.digest, bufferContent(blob.bytes));
  }
  manifests.set(descriptor.digest, { mediaType: descriptor.mediaType, bytes });
  tags.set("v1", descriptor.digest);
}

async function look(faults: Faults, options: Partial<DiagnoseOptions> = {}) {
  await using registry = await startFaultRegistry({ faults });
  seed(registry);
  const { content } = registry;
  const blobs = [...content.repository("acme/web").blobs.keys()];
  const neighbor = content.repository("acme/web-mirror-doctor");
  const report = await diagnose({
    target: { registry: registry.host, repository: "acme/web" },
    clock: createFakeClock(),
    env: {},
    ...options,
  });
  if (faults.blobDelete !== "ignored") {
    expect([...content.repository("acme/web").blobs.keys()]).toEqual(blobs);
    expect(neighbor.blobs.size).toBe(0);
  }
  expect(content.uploads.size).toBe(0);
  refuseSecrets(JSON.stringify(report), "the report");
  // whatever failed: the user is told what to do
  expect(report.checks.filter(({ status, hint }) => status === "failed" && !hint)).toEqual([]);
  const statuses = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
  const detailOf = (wanted: string) => report.checks.find(({ name }) => name === wanted)?.detail;
  return { report, statuses, detailOf, log: registry.log };
}

const TELLS_NOTHING = "a token, which does not tell what it allows";

describe("diagnose()", () => {
  test("finds nothing wrong with a good registry and leaves no content there", async () => {
    const { report, statuses, detailOf, log } = await look({});
    expect(report).toMatchObject({ schemaVersion: 1, usable: true, repository: "acme/web" });
    expect(statuses).toMatchObject({
      reach: "ok",
      login: "ok",
      pull: "ok",
      push: "ok",
      "upload-parts": "ok",
      "part-limit": "ok",
      mount: "ok",
      "clean-up": "ok",
    });
    expect(detailOf("mount")).toBe("blobs are linked between repositories");
    expect(detailOf("part-limit")).toBe("40 MiB in one request are taken");
    expect(log.count("DELETE", /uploads/)).toBe(1);
    expect(log.find("PUT").map(({ path }) => path)).toEqual([
      expect.stringMatching(/^\/v2\/acme\/web-mirror-doctor\/blobs\/uploads\//),
    ]);
  });

  test("names the user, not the password, and where tokens come from", async () => {
    const auth = { scheme: "bearer", credentials: USER } as const;
    const { report } = await look({ auth }, { credentials: async () => PASSWORD });
    const login = report.checks.find(({ name }) => name === "login");
    expect(login).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/user "robot" from --username, token from 127\.0\.0\.1/),
    });
  });

  test("stops at a login that is refused, with what to do", async () => {
    const auth = { scheme: "basic", ...USER } as const;
    const { report, statuses } = await look({ auth });
    expect(statuses).toEqual({ reach: "ok", tls: "limited", login: "failed" });
    expect(report.checks.at(-1)).toMatchObject({
      code: "REGISTRY_DENIED",
      hint: expect.stringContaining("`storeLogin`"),
    });
  });

  test("tells a login that may only pull", async () => {
    const auth = { scheme: "bearer", credentials: USER, withheld: ["push"] } as const;
    const credentials = async () => PASSWORD;
    const { report, statuses } = await look({ auth }, { credentials });
    expect(statuses).toMatchObject({ pull: "ok", push: "failed" });
    expect(report.usable).toBe(false);
    expect((await look({ auth }, { credentials, push: false })).report.usable).toBe(true);
  });

  test("finds the size of requests that a front end takes", async () => {
    const { report, statuses } = await look({ bodyLimit: { bytes: 1_500_000, answer: 413 } });
    expect(statuses["part-limit"]).toBe("limited");
    expect(report.checks.find(({ name }) => name === "part-limit")).toMatchObject({
      detail: "1.25 MiB in one request are taken, 2.5 MiB are not",
      hint: expect.stringContaining("client_max_body_size"),
    });
    const lookBehind = async (bytes: number) =>
      (await look({ bodyLimit: { bytes, answer: 413 } })).statuses["part-limit"];
    expect(await lookBehind(100_000)).toBe("limited");
    expect(await lookBehind(50_000)).toBe("failed");
  });

  test("finds it too where a front end cuts the connection", async () => {
    const { detailOf } = await look(
      { bodyLimit: { bytes: 1_500_000, answer: "reset" } },
      { probeSizeBytes: 4 * 1024 * 1024 },
    );
    expect(detailOf("part-limit")).toBe("1 MiB in one request are taken, 2 MiB are not");
  });

  test.each<[string, BearerOptions["tokens"], readonly string[], Partial<Check>]>([
    ["tells nothing", undefined, [], { status: "ok", detail: TELLS_NOTHING }],
    ["allows all", "jwt", [], { status: "ok", granted: ["pull", "push"] }],
    [
      "does not allow to push",
      "jwt",
      ["push"],
      { status: "limited", granted: ["pull"], detail: "a token for pull, not for push" },
    ],
    ["allows nothing", "jwt", ["pull", "push"], { status: "limited", granted: [] }],
  ])("shows what a token says that %s", async (_, tokens, withheld, check) => {
    const auth = {
      ...({ scheme: "bearer", credentials: USER, withheld } as const),
      ...(tokens ? { tokens } : {}),
    };
    const { report } = await look({ auth }, { credentials: async () => PASSWORD });
    expect(report.checks.find(({ name }) => name === "token")).toMatchObject(check);
  });

  test("calls a token anonymous that was given without a login", async () => {
    const { detailOf } = await look({ auth: { scheme: "bearer", tokens: "jwt" } });
    expect(detailOf("token")).toBe("an anonymous token for pull, push");
    const { statuses } = await look({});
    expect(statuses["token"]).toBe("skipped");
  });

  test("uploads nothing to a registry that would keep it", async () => {
    const { log, detailOf } = await look({ blobDelete: 405 });
    expect(log.count("PUT")).toBe(0);
    expect(detailOf("mount")).toMatch(/linked.*\(tried within.*does not delete blobs\)/);
  });

  test("says what a registry keeps that does not do what it says", async () => {
    const { detailOf, statuses } = await look({ blobDelete: "ignored" });
    expect(statuses["clean-up"]).toBe("limited");
    expect(detailOf("clean-up")).toMatch(
      /acme\/web@sha256:\w{64}, acme\/web-mirror-doctor@sha256:\w{64}$/,
    );
  });

  test("tries a mount within the repository when the neighbor cannot be written", async () => {
    const { detailOf, statuses } = await look({ denied: /-mirror-doctor$/ });
    expect(statuses).toMatchObject({ mount: "ok", "clean-up": "ok" });
    expect(detailOf("mount")).toMatch(/"acme\/web-mirror-doctor" cannot be written \(403\)/);
  });

  test("tells what a registry cannot do without calling that a failure", async () => {
    const { report, statuses } = await look({ statusGet: 404, mount: 202, referrers: 404 });
    expect(statuses).toMatchObject({ "upload-parts": "limited", mount: "limited" });
    expect(report.usable).toBe(true);
  });

  test("names a host that does not answer", async () => {
    const target = { registry: "127.0.0.1:1", repository: "a" };
    const report = await diagnose({ target, clock: createFakeClock(), env: {} });
    expect(report.checks).toEqual([
      expect.objectContaining({ name: "reach", status: "failed", code: "REGISTRY_UNREACHABLE" }),
    ]);
  });
});

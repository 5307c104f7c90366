import { generateKeyPairSync, verify } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createCloudCredentials } from "../../../../src/registry/auth/cloud/cloud-credentials.ts";
import type { RegistryEvent } from "../../../../src/registry/registry-event.ts";
import { MARKER } from "../../../support/secrets.ts";
import { openTempDirectory } from "../../../support/temp-directory.ts";

const MINUTE = 60_000;

interface Seen {
  readonly line: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A cloud: answers by path, and remembers what it was asked. */
async function startCloud(answers: Readonly<Record<string, unknown>>) {
  const seen: Seen[] = [];
  const state = { answers };
  const server = createServer(async (request, response) => {
    const line = `${request.method} ${request.url?.split("?")[0]}`;
    seen.push({ line, headers: request.headers, body: await text(request) });
    const answer = state.answers[line];
    response.writeHead(answer === undefined ? 500 : 200);
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer ?? { no: MARKER }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    seen,
    set: (next: Readonly<Record<string, unknown>>) => {
      state.answers = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function openCredentials(env: NodeJS.ProcessEnv, homeDirectory = "/nonexistent") {
  const events: RegistryEvent[] = [];
  const clock = { now: Date.UTC(2026, 0, 1) };
  const source = createCloudCredentials({
    env,
    homeDirectory,
    onEvent: (event) => events.push(event),
    now: () => clock.now,
  });
  return { source, events, clock };
}

const ECR_TOKEN = Buffer.from(`AWS:${MARKER}`).toString("base64");
const ECR_ANSWER = { "POST /": { authorizationData: [{ authorizationToken: ECR_TOKEN }] } };
const KEYS = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: MARKER };

describe("Amazon ECR", () => {
  const FIRST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
  const SECOND = "210987654321.dkr.ecr.eu-west-1.amazonaws.com";

  test("gives one login to two accounts of a region, and a fresh one in time", async () => {
    await using cloud = await startCloud(ECR_ANSWER);
    const { source, clock } = openCredentials({ ...KEYS, AWS_ENDPOINT_URL_ECR: cloud.url });
    expect(await source(FIRST)).toMatchObject({ username: "AWS", password: MARKER });
    expect(await source(SECOND)).toMatchObject({ username: "AWS" });
    expect(cloud.seen).toHaveLength(1);
    const { headers } = cloud.seen[0] ?? {};
    expect(headers?.["x-amz-target"]).toMatch(/_V20150921\.GetAuthorizationToken$/);
    expect(headers?.["authorization"]).toMatch(
      /Credential=AKID\/20260101\/eu-west-1\/ecr\/aws4_request/,
    );
    clock.now += 12 * 60 * MINUTE;
    await source(FIRST);
    expect(cloud.seen).toHaveLength(2);
    await source(FIRST, { isRenewal: true });
    expect(cloud.seen).toHaveLength(3);
  });

  test("is left alone for ten minutes after a failure, which is a warning without secrets", async () => {
    await using cloud = await startCloud({});
    const { source, events, clock } = openCredentials({
      ...KEYS,
      AWS_ENDPOINT_URL_ECR: cloud.url,
    });
    expect(await source(FIRST)).toBeUndefined();
    clock.now += 9 * MINUTE;
    expect(await source(FIRST, { isRenewal: true })).toBeUndefined();
    expect(cloud.seen).toHaveLength(1);
    expect(events).toEqual([expect.objectContaining({ code: "CLOUD_LOGIN_FAILED" })]);
    expect(JSON.stringify(events)).not.toContain(MARKER);
    cloud.set(ECR_ANSWER);
    clock.now += 2 * MINUTE;
    expect(await source(FIRST)).toBeDefined();
  });

  test("knows the hosts of China, dual stack and the public registry, and no others", async () => {
    await using cloud = await startCloud(ECR_ANSWER);
    const { url } = cloud;
    const env = { ...KEYS, AWS_ENDPOINT_URL_ECR: url, AWS_ENDPOINT_URL_ECR_PUBLIC: url };
    const { source } = openCredentials(env);
    for (const host of [
      "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
      "123456789012.dkr-ecr.eu-west-1.on.aws",
      "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
      "public.ecr.aws",
    ]) {
      expect(await source(host), host).toBeDefined();
    }
    for (const host of [`${FIRST}.evil.test`, `evil${FIRST}`, "ecr.amazonaws.com", "a.test"]) {
      expect(await source(host), host).toBeUndefined();
    }
  });

  test("takes keys of the shared file and of the machine", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("credentials");
    const profile = "[other]\naws_access_key_id = NO\n[work]\naws_access_key_id = SHARED\n";
    await writeFile(path, `${profile}aws_secret_access_key = ${MARKER}\n`);
    const role = "/latest/meta-data/iam/security-credentials/";
    await using cloud = await startCloud({
      ...ECR_ANSWER,
      "PUT /latest/api/token": "session",
      [`GET ${role}`]: "node-role",
      [`GET ${role}node-role`]: { AccessKeyId: "MACHINE", SecretAccessKey: MARKER, Token: "t" },
    });
    const endpoint = { AWS_ENDPOINT_URL_ECR: cloud.url };
    const shared = { AWS_SHARED_CREDENTIALS_FILE: path, AWS_PROFILE: "work", ...endpoint };
    await openCredentials(shared).source(FIRST);
    expect(cloud.seen.at(-1)?.headers["authorization"]).toContain("Credential=SHARED/");
    const machine = { AWS_EC2_METADATA_SERVICE_ENDPOINT: cloud.url, ...endpoint };
    await openCredentials(machine).source(FIRST);
    expect(cloud.seen.at(-1)?.headers).toMatchObject({ "x-amz-security-token": "t" });
    expect(cloud.seen.at(-2)?.headers).toMatchObject({ "x-aws-ec2-metadata-token": "session" });
  });
});

describe("Google", () => {
  const PATH = "/computeMetadata/v1/instance/service-accounts/default/token";
  const answer = { access_token: MARKER, expires_in: 3600 };

  test("gives the machine's login to its registries, and to no others", async () => {
    await using cloud = await startCloud({ [`GET ${PATH}`]: answer });
    const { source } = openCredentials({ GCE_METADATA_HOST: cloud.host });
    for (const host of ["gcr.io", "eu.gcr.io", "europe-docker.pkg.dev"]) {
      expect(await source(host)).toMatchObject({ username: "oauth2accesstoken", password: MARKER });
    }
    for (const host of ["notgcr.io", "gcr.io.evil.test", "pkg.dev"]) {
      expect(await source(host)).toBeUndefined();
    }
    expect(cloud.seen).toHaveLength(1);
    expect(cloud.seen[0]?.headers["metadata-flavor"]).toBe("Google");
  });

  test("is anonymous where nobody answers", async () => {
    const { source, events } = openCredentials({ GCE_METADATA_HOST: "127.0.0.1:1" });
    expect(await source("gcr.io")).toBeUndefined();
    expect(events).toHaveLength(1);
  });

  test("signs a claim with the key of a service account", async () => {
    await using directory = await openTempDirectory();
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await using cloud = await startCloud({ "POST /token": answer });
    const path = directory.resolve("key.json");
    const key = {
      type: "service_account",
      client_email: "robot@project.test",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: `${cloud.url}/token`,
    };
    await writeFile(path, JSON.stringify(key));
    const { source } = openCredentials({ GOOGLE_APPLICATION_CREDENTIALS: path });
    expect(await source("gcr.io")).toMatchObject({ password: MARKER });
    const assertion = new URLSearchParams(cloud.seen[0]?.body).get("assertion") ?? "";
    const [head, claims = "", signature = ""] = assertion.split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      iss: "robot@project.test",
      aud: `${cloud.url}/token`,
    });
    const signed = Buffer.from(`${head}.${claims}`);
    expect(verify("RSA-SHA256", signed, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
  });
});

describe("Azure", () => {
  const HOST = "acme.azurecr.io";
  const refresh = { "POST /oauth2/exchange": { refresh_token: MARKER } };

  test("exchanges a token of the directory at the registry", async () => {
    await using cloud = await startCloud(refresh);
    const env = { MIRROR_ACR_ACCESS_TOKEN: "directory", MIRROR_ACR_ENDPOINT: cloud.url };
    const { source } = openCredentials(env);
    expect(await source(HOST)).toMatchObject({
      password: MARKER,
      username: expect.stringMatching(/^0{8}-/),
    });
    const form = Object.fromEntries(new URLSearchParams(cloud.seen[0]?.body));
    expect(form).toMatchObject({ service: HOST, access_token: "directory" });
    expect(await source("acme.azurecr.io.evil.test")).toBeUndefined();
  });

  test("gets the directory's token for a client, else for the machine", async () => {
    await using cloud = await startCloud({
      ...refresh,
      "POST /tenant/oauth2/v2.0/token": { access_token: "of the client" },
      "GET /metadata/identity/oauth2/token": { access_token: "of the machine" },
    });
    const endpoint = { MIRROR_ACR_ENDPOINT: cloud.url };
    const client = {
      AZURE_TENANT_ID: "tenant",
      AZURE_CLIENT_ID: "id",
      AZURE_CLIENT_SECRET: MARKER,
    };
    const usedToken = () => new URLSearchParams(cloud.seen.at(-1)?.body).get("access_token");
    await openCredentials({ ...endpoint, ...client, AZURE_AUTHORITY_HOST: cloud.url }).source(HOST);
    expect(usedToken()).toBe("of the client");
    const machine = { ...endpoint, AZURE_POD_IDENTITY_AUTHORITY_HOST: cloud.url };
    await openCredentials(machine).source(HOST);
    expect(usedToken()).toBe("of the machine");
  });
});

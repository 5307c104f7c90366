import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect } from "vitest";
import { createAuthority, type IssuedCertificate } from "../registry/support/authority.ts";
import { startProxy } from "../registry/support/proxy.ts";
import { send, startServer } from "../registry/support/server.ts";
import { image, seed } from "../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const { describe, test } = requireTool("openssl");

const ECR = (account: string) => `${account}.dkr.ecr.eu-west-1.amazonaws.com`;
const ECR_ANSWER = {
  authorizationData: [
    { authorizationToken: Buffer.from(`AWS:${MARKER}`).toString("base64"), expiresAt: 4e9 },
  ],
};

let directory: TempDirectory;
let certificate: IssuedCertificate;
let registry: FaultRegistry;

beforeEach(async () => {
  directory = await openTempDirectory();
  certificate = await (await createAuthority(directory.path)).issue("registry");
  registry = await startFaultRegistry();
  seed(registry, "acme/web", { v1: image() });
});

afterEach(async () => {
  await registry.close();
  await directory[Symbol.asyncDispose]();
});

/** Plans a pull of images whose hosts all lead to the one registry. */
async function plan(names: readonly string[], env: Record<string, string>, ...flags: string[]) {
  await using proxy = await startProxy({ tunnelTo: { ...certificate, host: registry.host } });
  const images = names.flatMap((name) => ["--include-image", name]);
  const words = ["plan", ...images, "--tls-skip-verify", "--debug", ...flags];
  const surroundings = { HOME: directory.path, HTTPS_PROXY: `http://${proxy.host}` };
  return await runInProcess(words, { env: { ...surroundings, ...env } });
}

const requireUser = (username: string, password = MARKER) =>
  registry.setFaults({ auth: { scheme: "basic", username, password } });

describe("a registry of Amazon ECR", () => {
  const KEYS = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: MARKER };
  const NAMES = ["123456789012", "210987654321"].map((account) => `${ECR(account)}/acme/web:v1`);

  test("is used with the login of the cloud, asked once for two accounts of a region", async () => {
    requireUser("AWS");
    await using cloud = await startServer((_, response) =>
      send(response, 200, {}, JSON.stringify(ECR_ANSWER)),
    );
    const env = { ...KEYS, AWS_ENDPOINT_URL_ECR: `http://${cloud.host}` };
    const { status, stderr } = await plan(NAMES, env);
    expect(stderr).not.toMatch(/^error/m);
    expect(status).toBe(0);
    expect(cloud.seen).toHaveLength(1);
  });

  test("is used with the login of --authfile where there is one, and the cloud is not asked", async () => {
    requireUser("ada", `${MARKER}-of-the-file`);
    await using cloud = await startServer((_, response) => send(response, 500));
    const auth = Buffer.from(`ada:${MARKER}-of-the-file`).toString("base64");
    const path = directory.resolve("auth.json");
    await writeFile(path, JSON.stringify({ auths: { [ECR("123456789012")]: { auth } } }));
    const env = { ...KEYS, AWS_ENDPOINT_URL_ECR: `http://${cloud.host}` };
    const { status, stderr } = await plan(NAMES.slice(0, 1), env, "--authfile", path);
    expect(stderr).not.toMatch(/^error/m);
    expect(status).toBe(0);
    expect(cloud.seen).toEqual([]);
  });
});

describe("a registry of Google", () => {
  const NAME = "europe-docker.pkg.dev/acme/web:v1";

  test("is used with the login of the machine", async () => {
    requireUser("oauth2accesstoken");
    await using cloud = await startServer((_, response) =>
      send(response, 200, {}, JSON.stringify({ access_token: MARKER, expires_in: 3600 })),
    );
    const { status, stderr } = await plan([NAME], { GCE_METADATA_HOST: cloud.host });
    expect(stderr).not.toMatch(/^error/m);
    expect(status).toBe(0);
    expect(cloud.seen.map(({ headers }) => headers["metadata-flavor"])).toEqual(["Google"]);
  });

  test("is asked without a login where no machine answers, with a warning", async () => {
    requireUser("oauth2accesstoken");
    const { status, stderr } = await plan([NAME], { GCE_METADATA_HOST: "127.0.0.1:1" });
    expect(status).toBe(10);
    expect(stderr).toMatch(/CLOUD_LOGIN_FAILED/);
    expect(stderr).toMatch(/"chosen":"none"/);
  });
});

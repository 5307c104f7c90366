import { readFile } from "../../../io/read-file.ts";
import type { PasswordCredential } from "../credentials.ts";
import { askJson, textOf } from "./ask-json.ts";
import type { CloudLogin, CloudLoginOptions } from "./cloud-login.ts";
import type { Expiring } from "./expiring.ts";

const HOST = /^[a-z0-9-]+\.azurecr\.(?:io|cn|de|us)$/;
/** User name that goes with a refresh token as password (Azure). */
const TOKEN_USER = "00000000-0000-0000-0000-000000000000";
const RESOURCE = "https://containerregistry.azure.net";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
/** Refresh tokens say their end in their own payload; this is for those that do not. */
const LIFETIME_MS = 60 * 60_000;

/** Azure Container Registry: a token of the directory is exchanged at the registry for one of its own. */
export function createAcrLogin(options: CloudLoginOptions): CloudLogin {
  return {
    name: "Azure",
    keyOf: (host) => (HOST.test(host) ? host : undefined),
    load: (host) => load(host, options),
  };
}

async function load(
  host: string,
  { env = process.env, now = Date.now }: CloudLoginOptions,
): Promise<Expiring<PasswordCredential>> {
  const accessToken = env["MIRROR_ACR_ACCESS_TOKEN"] || (await readDirectoryToken(env));
  const url = new URL("/oauth2/exchange", env["MIRROR_ACR_ENDPOINT"] || `https://${host}`);
  const tenant = env["AZURE_TENANT_ID"];
  const form = new URLSearchParams({
    grant_type: "access_token",
    service: host,
    ...(tenant ? { tenant } : {}),
    access_token: accessToken,
  });
  const answer = await askJson({ method: "POST", url, headers: FORM, body: `${form}`, env });
  const password = textOf(answer, "refresh_token");
  return {
    value: { kind: "password", username: TOKEN_USER, password, origin: "the Azure login" },
    expiresAt: endOf(password) ?? now() + LIFETIME_MS,
  };
}

/** A token of Microsoft Entra: of a client with a secret or a federated token, else of the machine. */
async function readDirectoryToken(env: NodeJS.ProcessEnv): Promise<string> {
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = env;
  const proof = await readProof(env);
  if (!tenant || !client || !proof) return await readMachineToken(env);
  const base = env["AZURE_AUTHORITY_HOST"] || "https://login.microsoftonline.com";
  const url = new URL(`/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, base);
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: client,
    scope: `${RESOURCE}/.default`,
    ...proof,
  });
  const answer = await askJson({ method: "POST", url, headers: FORM, body: `${form}`, env });
  return textOf(answer, "access_token");
}

async function readProof(env: NodeJS.ProcessEnv): Promise<Record<string, string> | undefined> {
  const { AZURE_CLIENT_SECRET: secret, AZURE_FEDERATED_TOKEN_FILE: file } = env;
  if (secret) return { client_secret: secret };
  if (!file) return undefined;
  const assertion = (await readFile(file, "utf8")).trim();
  return { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
}

async function readMachineToken(env: NodeJS.ProcessEnv): Promise<string> {
  const base = env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] || "http://169.254.169.254";
  const url = new URL("/metadata/identity/oauth2/token", base);
  url.searchParams.set("api-version", "2018-02-01");
  url.searchParams.set("resource", RESOURCE);
  if (env["AZURE_CLIENT_ID"]) url.searchParams.set("client_id", env["AZURE_CLIENT_ID"]);
  const headers = { metadata: "true" };
  return textOf(
    await askJson({ method: "GET", url, headers, env, isDirect: true }),
    "access_token",
  );
}

/** When a token ends, in milliseconds, as its payload says. */
function endOf(token: string): number | undefined {
  try {
    const payload = JSON.parse(
      Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"),
    );
    return typeof payload?.exp === "number" ? payload.exp * 1000 : undefined;
  } catch {
    // the token is not of a form that can be read: it is used as it is
    return undefined;
  }
}

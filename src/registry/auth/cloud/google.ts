import { sign } from "node:crypto";
import { readFile } from "../../../io/read-file.ts";
import type { PasswordCredential } from "../credentials.ts";
import { askJson, textOf } from "./ask-json.ts";
import type { CloudLogin, CloudLoginOptions } from "./cloud-login.ts";
import type { Expiring } from "./expiring.ts";

const HOST = /^(?:(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev)$/;
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL = "https://oauth2.googleapis.com/token";

/** Google Artifact Registry and Container Registry: a service account's key, else the machine's metadata. */
export function createGoogleLogin(options: CloudLoginOptions): CloudLogin {
  return {
    name: "Google",
    keyOf: (host) => (HOST.test(host) ? "google" : undefined),
    load: () => load(options),
  };
}

async function load(options: CloudLoginOptions): Promise<Expiring<PasswordCredential>> {
  const { env = process.env, now = Date.now } = options;
  const path = env["GOOGLE_APPLICATION_CREDENTIALS"];
  const answer = path ? await askByKey(path, options) : await askMetadata(env);
  const seconds = Number(answer["expires_in"]);
  return {
    value: {
      kind: "password",
      username: "oauth2accesstoken",
      password: textOf(answer, "access_token"),
      origin: path ? "GOOGLE_APPLICATION_CREDENTIALS" : "the Google metadata server",
    },
    expiresAt: now() + (Number.isFinite(seconds) ? seconds : 0) * 1000,
  };
}

async function askMetadata(env: NodeJS.ProcessEnv) {
  const host = env["GCE_METADATA_HOST"] || "metadata.google.internal";
  const path = "/computeMetadata/v1/instance/service-accounts/default/token";
  const url = new URL(path, `http://${host}`);
  const headers = { "metadata-flavor": "Google" };
  return await askJson({ method: "GET", url, headers, env, isDirect: true });
}

/** A signed claim (RFC 7523) for a token; the key never leaves this machine. */
async function askByKey(path: string, { env = process.env, now = Date.now }: CloudLoginOptions) {
  const key = await readKey(path);
  const url = new URL(typeof key["token_uri"] === "string" ? key["token_uri"] : TOKEN_URL);
  const issuedAt = Math.floor(now() / 1000);
  const claims = { iss: textOf(key, "client_email"), scope: SCOPE, aud: url.href };
  const parts = [
    { alg: "RS256", typ: "JWT", kid: key["private_key_id"] },
    { ...claims, iat: issuedAt, exp: issuedAt + 3600 },
  ];
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = signText(text, textOf(key, "private_key"));
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${text}.${signature}`,
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return await askJson({ method: "POST", url, headers, body: form.toString(), env });
}

async function readKey(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const key = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    if (key["type"] === "service_account") return key;
  } catch {
    // not chained: the text of a JSON error quotes its input, which is a secret
  }
  throw new Error("GOOGLE_APPLICATION_CREDENTIALS is not the key of a service account");
}

function signText(text: string, privateKey: string): string {
  try {
    return sign("RSA-SHA256", Buffer.from(text), privateKey).toString("base64url");
  } catch {
    throw new Error("the private key of the service account cannot be used");
  }
}

import type { PasswordCredential } from "../credentials.ts";
import { askJson } from "./ask-json.ts";
import { readAwsKeys } from "./aws-keys.ts";
import type { CloudLogin, CloudLoginOptions } from "./cloud-login.ts";
import type { Expiring } from "./expiring.ts";
import { signRequest } from "./sigv4.ts";

const PRIVATE =
  /^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|amazonaws\.eu)$/;
const PUBLIC: ReadonlySet<string> = new Set(["public.ecr.aws", "ecr-public.aws.com"]);
const PUBLIC_KEY = "public";
/** What the service promises, in case it does not say. */
const LIFETIME_MS = 12 * 60 * 60_000;

/** Amazon ECR: one login for all registries of a region, and one for the public registry. */
export function createEcrLogin(options: CloudLoginOptions): CloudLogin {
  return {
    name: "Amazon ECR",
    keyOf: (host) => {
      if (PUBLIC.has(host)) return PUBLIC_KEY;
      const [, region, suffix = ""] = PRIVATE.exec(host) ?? [];
      return region && `${region} ${suffix.endsWith(".cn") ? "amazonaws.com.cn" : "amazonaws.com"}`;
    },
    load: (key) => load(key, options),
  };
}

async function load(
  key: string,
  options: CloudLoginOptions,
): Promise<Expiring<PasswordCredential>> {
  const { env = process.env, now = Date.now } = options;
  const isPublic = key === PUBLIC_KEY;
  const [region = "", domain = ""] = isPublic ? ["us-east-1", "amazonaws.com"] : key.split(" ");
  const service = isPublic ? "ecr-public" : "ecr";
  const target = isPublic
    ? "SpencerFrontendService.GetAuthorizationToken"
    : "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
  const named = env[isPublic ? "AWS_ENDPOINT_URL_ECR_PUBLIC" : "AWS_ENDPOINT_URL_ECR"];
  const host = isPublic ? `api.ecr-public.${region}.${domain}` : `api.ecr.${region}.${domain}`;
  const url = new URL("/", named || `https://${host}`);
  const body = "{}";
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
  const keys = await readAwsKeys(options);
  const signing = { keys, region, service, now: new Date(now()) };
  const signed = signRequest({ url, headers, body }, signing);
  const answer = await askJson({ method: "POST", url, headers: signed, body, env });
  return toCredential(answer["authorizationData"], now());
}

function toCredential(data: unknown, now: number): Expiring<PasswordCredential> {
  const entry = ((Array.isArray(data) ? data[0] : data) ?? {}) as Record<string, unknown>;
  const { authorizationToken: token, expiresAt } = entry;
  const text = typeof token === "string" ? Buffer.from(token, "base64").toString("utf8") : "";
  const colon = text.indexOf(":");
  if (colon <= 0) throw new Error("the answer has no token");
  const [username, password] = [text.slice(0, colon), text.slice(colon + 1)];
  const end = typeof expiresAt === "number" ? expiresAt * 1000 : Number.POSITIVE_INFINITY;
  return {
    value: { kind: "password", username, password, origin: "the AWS login" },
    expiresAt: Math.min(end, now + LIFETIME_MS),
  };
}

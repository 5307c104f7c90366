import { homedir } from "node:os";
import { join } from "node:path";
import { readFile } from "../../../io/read-file.ts";
import { askJson, askText, textOf } from "./ask-json.ts";
import type { CloudLoginOptions } from "./cloud-login.ts";
import type { AwsKeys } from "./sigv4.ts";

/** Keys of AWS: from the environment, the shared file, the container's agent or the machine's metadata, in this order. */
export async function readAwsKeys(options: CloudLoginOptions): Promise<AwsKeys> {
  const { env = process.env, homeDirectory = homedir() } = options;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: env["AWS_SESSION_TOKEN"] };
  }
  const shared = await readSharedFile(env, homeDirectory);
  return shared ?? (await readContainerKeys(env)) ?? (await readMachineKeys(env));
}

async function readSharedFile(env: NodeJS.ProcessEnv, home: string): Promise<AwsKeys | undefined> {
  const path = env["AWS_SHARED_CREDENTIALS_FILE"] || join(home, ".aws/credentials");
  const text = await readFile(path, "utf8").catch(() => "");
  const profile = env["AWS_PROFILE"] || "default";
  const section = text.split(/^\s*\[/m).find((part) => part.startsWith(`${profile}]`)) ?? "";
  const values = new Map(
    section.split("\n").flatMap((line) => {
      const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  const accessKeyId = values.get("aws_access_key_id");
  const secretAccessKey = values.get("aws_secret_access_key");
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: values.get("aws_session_token") };
}

async function readContainerKeys(env: NodeJS.ProcessEnv): Promise<AwsKeys | undefined> {
  const relative = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const address = relative
    ? `http://169.254.170.2${relative}`
    : env["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  if (!address) return undefined;
  const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const token = file
    ? (await readFile(file, "utf8")).trim()
    : env["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  const headers = token ? { authorization: token } : {};
  const url = new URL(address);
  return toKeys(await askJson({ method: "GET", url, headers, env, isDirect: true }));
}

/** Instance metadata, version 2: a token of the session first. */
async function readMachineKeys(env: NodeJS.ProcessEnv): Promise<AwsKeys> {
  if (/^true$/i.test(env["AWS_EC2_METADATA_DISABLED"] ?? "")) {
    throw new Error("no AWS keys were found");
  }
  const base = env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || "http://169.254.169.254";
  const ask = { env, isDirect: true } as const;
  const lifetime = { "x-aws-ec2-metadata-token-ttl-seconds": "300" };
  const tokenUrl = new URL("/latest/api/token", base);
  const token = await askText({ method: "PUT", url: tokenUrl, headers: lifetime, ...ask });
  const headers = { "x-aws-ec2-metadata-token": token.trim() };
  const roles = new URL("/latest/meta-data/iam/security-credentials/", base);
  const role = (await askText({ method: "GET", url: roles, headers, ...ask })).trim();
  if (!/^[\w+=,.@-]+$/.test(role)) throw new Error("the machine has no role");
  return toKeys(await askJson({ method: "GET", url: new URL(role, roles), headers, ...ask }));
}

function toKeys(answer: Readonly<Record<string, unknown>>): AwsKeys {
  return {
    accessKeyId: textOf(answer, "AccessKeyId"),
    secretAccessKey: textOf(answer, "SecretAccessKey"),
    sessionToken: textOf(answer, "Token"),
  };
}

import { spawn } from "node:child_process";
import type { Credential } from "./credentials.ts";
import { helperKey } from "./registry-key.ts";

export interface CredentialHelperOptions {
  /** The part after `docker-credential-`. */
  readonly name: string;
  readonly registry: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT_BYTES = 64 * 1024;

/**
 * Asks `docker-credential-<name> get`. Undefined if it knows no credential; throws a plain `Error` with a message
 * that is safe to show when it cannot be used.
 */
export async function readCredentialHelper(
  options: CredentialHelperOptions,
): Promise<Credential | undefined> {
  const { name } = options;
  const call = { ...options, action: "get", input: helperKey(options.registry) } as const;
  const { status, output } = await run(call);
  if (status !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw new Error(`docker-credential-${name} failed with status ${status}`);
  }
  return parseAnswer(output, name);
}

/** Lets a helper keep a login: nothing of it is in a file or an argument then. */
export async function storeInHelper(
  options: CredentialHelperOptions & { readonly username: string; readonly password: string },
): Promise<void> {
  const { name, registry, username: Username, password: Secret } = options;
  const input = JSON.stringify({ ServerURL: helperKey(registry), Username, Secret });
  const { status } = await run({ ...options, action: "store", input });
  if (status !== 0) throw new Error(`docker-credential-${name} failed with status ${status}`);
}

/** Lets a helper forget a login; one that it does not know is none. */
export async function eraseFromHelper(options: CredentialHelperOptions): Promise<void> {
  await run({ ...options, action: "erase", input: helperKey(options.registry) });
}

function parseAnswer(output: string, name: string): Credential | undefined {
  const refuse = () => new Error(`docker-credential-${name} gave no usable answer`);
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // not chained: the text of a JSON error quotes its input, which is a secret
    throw refuse();
  }
  const { Username: username, Secret: secret } = (answer ?? {}) as Record<string, unknown>;
  if (typeof username !== "string" || typeof secret !== "string") throw refuse();
  if (secret === "") return undefined;
  const origin = `docker-credential-${name}`;
  return username === "<token>"
    ? { kind: "identity-token", identityToken: secret, origin }
    : { kind: "password", username, password: secret, origin };
}

interface HelperResult {
  readonly status: number | null;
  readonly output: string;
}

interface HelperCall extends CredentialHelperOptions {
  readonly action: "get" | "store" | "erase";
  readonly input: string;
}

async function run(call: HelperCall): Promise<HelperResult> {
  const { name, action, input, env, timeoutMs = TIMEOUT_MS } = call;
  // the name becomes a program name: no path, nothing for a shell
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Error("The name of the helper is not allowed");
  return await new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [action], {
      env,
      shell: false,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`docker-credential-${name} did not answer in ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_LIMIT_BYTES) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    child.once("error", (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const reason = cause.code === "ENOENT" ? "is not installed" : "cannot be started";
      reject(new Error(`docker-credential-${name} ${reason}`, { cause }));
    });
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, output: Buffer.concat(chunks).toString("utf8").trim() });
    });
    // a helper may exit before it has read the address
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

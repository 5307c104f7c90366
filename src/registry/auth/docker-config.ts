import { hasErrorCode, reasonOf } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";
import { readFile, readNamedText } from "../../io/read-file.ts";
import { formatJsonError } from "../../json-position.ts";
import type { OnRegistryEvent } from "../registry-event.ts";
import { type AuthFile, type AuthFilesOptions, listAuthFiles } from "./auth-files.ts";
import { readCredentialHelper } from "./credential-helper.ts";
import type { Credential, CredentialSource } from "./credentials.ts";
import { namespaceOf, registryKey } from "./registry-key.ts";

export interface DockerConfigOptions extends AuthFilesOptions {
  readonly onEvent?: OnRegistryEvent | undefined;
  readonly helperTimeoutMs?: number | undefined;
}

/**
 * What `docker login` and `podman login` left, in the order of `listAuthFiles`. Read at every question, so that a login
 * during a long run counts; helpers are asked once, and again when their answer was refused. A bad entry disables itself,
 * with a warning.
 */
export function createDockerConfigCredentials(options: DockerConfigOptions = {}): CredentialSource {
  const env = options.env ?? process.env;
  const warned = new Set<string>();
  const warn = (message: string) => {
    if (warned.has(message)) return;
    warned.add(message);
    options.onEvent?.({ type: "warning", code: "CREDENTIALS_UNUSABLE", message });
  };
  const context = { env, warn, helperTimeoutMs: options.helperTimeoutMs, helped: new Map() };
  const piped: PipedTexts = new Map();
  return async (registry, { repository, isRenewal = false } = {}) => {
    const key = registryKey(registry);
    if (key === undefined) return undefined;
    for (const file of listAuthFiles(options)) {
      const config = parseConfig(await textOf(file, { warn, piped }), file.origin, warn);
      const question = { ...context, registry, repository, isRenewal, origin: file.origin, key };
      const found = config && (await find(config, question));
      if (found) return found;
    }
    return undefined;
  };
}

/** What came out of a pipe (`<(…)` of a shell): it can be read once. */
type PipedTexts = Map<string, Promise<string>>;

interface Reading {
  readonly warn: Warn;
  readonly piped: PipedTexts;
}

async function textOf(
  { path, text, isNamed = false }: AuthFile,
  { warn, piped }: Reading,
): Promise<string | undefined> {
  if (text !== undefined || path === undefined) return text;
  try {
    return isNamed ? await readNamed(path, piped) : await readFile(path, "utf8");
  } catch (error) {
    // an unreadable file is no reason to stop an anonymous pull
    const isAbsent = hasErrorCode(error, "ENOENT", "ENOTDIR");
    if (isNamed || !isAbsent) {
      const reason = isAbsent ? "does not exist" : `cannot be read (${reasonOf(error)})`;
      warn(`"${path}" ${reason}: its credentials are not used`);
    }
    return undefined;
  }
}

async function readNamed(path: string, piped: PipedTexts): Promise<string> {
  const known = piped.get(path);
  if (known !== undefined) return await known;
  const reading = (async () => {
    const isPipe = (await stat(path)).isFIFO();
    if (!isPipe) piped.delete(path);
    return await readNamedText(path);
  })();
  piped.set(path, reading);
  return await reading;
}

type Warn = (message: string) => void;
type JsonObject = Readonly<Record<string, unknown>>;

function parseConfig(text: string | undefined, origin: string, warn: Warn): JsonObject | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return isFlat(value) ? { auths: value } : value;
  } catch {
    // the text of a JSON error quotes the file, which holds secrets
  }
  warn(`${origin} is not a JSON object${formatJsonError(text)}: its credentials are not used`);
  return undefined;
}

/** `.dockercfg` and old secrets of Kubernetes have the entries at the top. */
function isFlat(value: JsonObject): boolean {
  return !["auths", "credHelpers", "credsStore"].some((name) => Object.hasOwn(value, name));
}

interface Question {
  readonly registry: string;
  readonly repository: string | undefined;
  readonly isRenewal: boolean;
  /** Answers of helpers by name and registry: a run may ask for hundreds of repositories. */
  readonly helped: Map<string, Promise<Credential | undefined>>;
  readonly key: string;
  readonly origin: string;
  readonly env: NodeJS.ProcessEnv;
  readonly warn: Warn;
  readonly helperTimeoutMs: number | undefined;
}

async function find(config: JsonObject, question: Question): Promise<Credential | undefined> {
  const helpers = objectOf(config["credHelpers"]);
  const own = Object.entries(helpers).find(([name]) => registryKey(name) === question.key)?.[1];
  const store = own ?? config["credsStore"];
  const helped = typeof store === "string" && store !== "" && (await ask(store, question));
  return helped || findEntry(objectOf(config["auths"]), question);
}

async function ask(name: string, question: Question): Promise<Credential | undefined> {
  const { helped, key, isRenewal } = question;
  const known = helped.get(`${name} ${key}`);
  if (known !== undefined && !isRenewal) return await known;
  const answer = run(name, question);
  helped.set(`${name} ${key}`, answer);
  return await answer;
}

async function run(name: string, question: Question): Promise<Credential | undefined> {
  const { registry, env, origin, warn, helperTimeoutMs: timeoutMs } = question;
  try {
    return await readCredentialHelper({ name, registry, env, timeoutMs });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    warn(`Credential helper "${name}" of ${origin} is not used for "${registry}": ${reason}`);
    return undefined;
  }
}

function findEntry(auths: JsonObject, question: Question): Credential | undefined {
  const matches = Object.entries(auths)
    .filter(([name]) => registryKey(name) === question.key && isInNamespace(name, question))
    // the most specific first; a bare host is the clearest of several names for one registry
    .sort(([a], [b]) => namespaceOf(b).length - namespaceOf(a).length || a.length - b.length);
  for (const [name, entry] of matches) {
    const found = parseEntry(objectOf(entry), question.origin);
    if (found === "invalid") {
      question.warn(`The entry "${name}" of ${question.origin} is not used: its auth is not valid`);
    } else if (found) {
      return found;
    }
  }
  return undefined;
}

function isInNamespace(name: string, { repository = "" }: Question): boolean {
  const namespace = namespaceOf(name);
  return namespace === "" || `${repository}/`.startsWith(`${namespace}/`);
}

function parseEntry(entry: JsonObject, origin: string): Credential | "invalid" | undefined {
  const { registrytoken, identitytoken } = entry;
  if (isText(registrytoken))
    return { kind: "registry-token", registryToken: registrytoken, origin };
  if (isText(identitytoken))
    return { kind: "identity-token", identityToken: identitytoken, origin };
  if (isText(entry["auth"])) return parseAuth(entry["auth"], origin);
  const { username, password } = entry;
  return isText(username) && isText(password)
    ? { kind: "password", username, password, origin }
    : undefined;
}

/** base64 of `user:password`; old versions of Docker padded it with NULs. */
function parseAuth(auth: string, origin: string): Credential | "invalid" {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon <= 0) return "invalid";
  return {
    kind: "password",
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
    origin,
  };
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

import { homedir } from "node:os";
import { checkOptions } from "../../check-options.ts";
import { OptionInvalidError } from "../../errors.ts";
import { type AuthFilesOptions, dockerConfigPath } from "./auth-files.ts";
import { eraseFromHelper, storeInHelper } from "./credential-helper.ts";
import { changeLoginFile, type LoginFile } from "./login-file.ts";
import { helperKey, namespaceOf, registryKey } from "./registry-key.ts";

export interface RemoveLoginOptions extends AuthFilesOptions {
  readonly registry: string;
}

export interface StoreLoginOptions extends RemoveLoginOptions {
  readonly username: string;
  readonly password: string;
}

/**
 * Keeps a login where `docker` and `podman` look for it: with the helper that the file names for the registry, else in the
 * file. Gives the place in words.
 */
export async function storeLogin(options: StoreLoginOptions): Promise<string> {
  checkOptions(options, {
    registry: "text",
    username: "text",
    password: "text",
    authFile: "text?",
  });
  const { registry, username, password } = options;
  const path = pathOf(options);
  const key = keyOf(registry);
  let place = `"${path}"`;
  await changeLoginFile(path, async (file) => {
    const helper = helperOf(file, key);
    if (helper === undefined) {
      const auth = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
      return withEntry(file, key, { auth });
    }
    await refuseHelperFailure(path, () =>
      storeInHelper({ ...helperOptions(options, helper), username, password }),
    );
    place = `docker-credential-${helper}`;
    return withEntry(file, key, {});
  });
  return place;
}

/** Forgets the login of a registry; false if there was none. */
export async function removeLogin(options: RemoveLoginOptions): Promise<boolean> {
  checkOptions(options, { registry: "text", authFile: "text?" });
  const path = pathOf(options);
  const key = keyOf(options.registry);
  let isFound = false;
  await changeLoginFile(path, async (file) => {
    const helper = helperOf(file, key);
    if (helper !== undefined) {
      await refuseHelperFailure(path, () => eraseFromHelper(helperOptions(options, helper)));
      isFound = true;
    }
    const auths = Object.entries(file.auths ?? {});
    const rest = auths.filter(([name]) => !isEntryOf(name, key));
    if (rest.length === auths.length) return undefined;
    isFound = true;
    return { ...file, auths: Object.fromEntries(rest) };
  });
  return isFound;
}

function pathOf({ authFile, env = process.env, homeDirectory = homedir() }: AuthFilesOptions) {
  return authFile ?? (env["REGISTRY_AUTH_FILE"] || dockerConfigPath(env, homeDirectory));
}

function keyOf(registry: string): string {
  const key = registryKey(registry);
  if (key !== undefined) return key;
  throw new OptionInvalidError("registry", `"${registry}" is not the name of a registry`);
}

function helperOf({ credHelpers = {}, credsStore }: LoginFile, key: string): string | undefined {
  const own = Object.entries(credHelpers).find(([name]) => registryKey(name) === key)?.[1];
  return own || credsStore || undefined;
}

/** The entry under the name that Docker uses; other names of the same registry would only be found by chance. */
function withEntry(file: LoginFile, key: string, entry: object): LoginFile {
  const others = Object.entries(file.auths ?? {}).filter(([name]) => !isEntryOf(name, key));
  return { ...file, auths: { ...Object.fromEntries(others), [helperKey(key)]: entry } };
}

function isEntryOf(name: string, key: string): boolean {
  return registryKey(name) === key && namespaceOf(name) === "";
}

function helperOptions({ registry, env = process.env }: RemoveLoginOptions, name: string) {
  return { name, registry, env };
}

async function refuseHelperFailure(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OptionInvalidError("authFile", `${reason}, and "${path}" names it`, {
      cause,
      hint: "Install the helper, or remove it from credsStore and credHelpers of that file",
    });
  }
}

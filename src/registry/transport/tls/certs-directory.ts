import { lstat, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { reasonOf } from "../../../io/errors.ts";
import { readFile } from "../../../io/read-file.ts";
import { certificatesIn } from "./read-pem.ts";
import type { TlsOptions, Warn } from "./tls-options.ts";

/** What the directories of Docker and Podman have for one host. */
export interface HostCertificates {
  readonly ca: readonly string[];
  readonly client: ClientCertificate | undefined;
}

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads `certs.d/<host[:port]>`: `*.crt` vouch for the host, `*.cert` with the `*.key` of the same name is shown to it.
 * All directories count; the first client certificate wins.
 */
export async function readHostCertificates(
  host: string,
  options: Pick<TlsOptions, "certsDirectories" | "homeDirectory">,
  warn: Warn,
): Promise<HostCertificates> {
  const directories = options.certsDirectories ?? defaultDirectories(options.homeDirectory);
  const ca: string[] = [];
  let client: ClientCertificate | undefined;
  for (const directory of directories.flatMap((base) => namesOf(host).map((n) => join(base, n)))) {
    for (const name of await listIfThere(directory, warn)) {
      const path = join(directory, name);
      if (name.endsWith(".crt")) ca.push(...(await readCertificates(path, warn)));
      if (name.endsWith(".cert")) client ??= await readPair(path, warn);
    }
  }
  return { ca, client };
}

/** Nothing for most hosts; a directory seen there that cannot be read may hold what the host needs. */
async function listIfThere(directory: string, warn: Warn): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (await isSeen(directory)) {
      warn(
        "CERTIFICATES_UNUSABLE",
        `"${directory}" is not used: it cannot be read (${reasonOf(error)})`,
      );
    }
    return [];
  }
}

/** Not so below an /etc/docker that is root's alone: a warning for each host of each run would tell nobody anything. */
async function isSeen(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function defaultDirectories(home: string = homedir()): readonly string[] {
  return [
    join(home, ".config/containers/certs.d"),
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
  ];
}

/** Directories are named as references name the host, with or without the usual port. */
function namesOf(host: string): readonly string[] {
  const names = host === "registry-1.docker.io" ? [host, "docker.io"] : [host];
  return names.flatMap((name) => (/:\d+$/.test(name) ? [name] : [name, `${name}:443`]));
}

async function readCertificates(path: string, warn: Warn): Promise<readonly string[]> {
  const pem = await readFile(path, "utf8").catch(() => "");
  const { certificates } = certificatesIn(pem);
  if (certificates.length > 0) return certificates;
  warn("CERTIFICATES_UNUSABLE", `"${path}" is not used: it is not a readable PEM certificate`);
  return [];
}

async function readPair(path: string, warn: Warn): Promise<ClientCertificate | undefined> {
  const keyPath = path.replace(/\.cert$/, ".key");
  try {
    return { cert: await readFile(path, "utf8"), key: await readFile(keyPath, "utf8") };
  } catch {
    warn("CERTIFICATES_UNUSABLE", `"${path}" is not used: it or "${keyPath}" cannot be read`);
    return undefined;
  }
}

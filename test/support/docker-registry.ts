import { mkdir, writeFile } from "node:fs/promises";
import { type RunningProcess, runProcess, startProcess } from "./run-process.ts";
import { openTempDirectory } from "./temp-directory.ts";
import { findTool } from "./tool.ts";

/** Another version of it, by its path: it takes the same configuration. */
const PROGRAM = process.env["REGISTRY_PROGRAM"] ?? "docker-registry";

export interface DockerRegistryOptions {
  /** The only user who is let in. */
  readonly htpasswd?: { readonly username: string; readonly password: string } | undefined;
  readonly tls?:
    | {
        readonly certificatePath: string;
        readonly keyPath: string;
        /** Clients have to show a certificate of this authority. */
        readonly clientCaPath?: string | undefined;
      }
    | undefined;
  readonly readonly?: boolean | undefined;
  /** Makes the registry a pull-through cache of this registry, for example `http://127.0.0.1:5000`. */
  readonly proxyRemoteUrl?: string | undefined;
  /** Kept when the registry is closed; default: a directory of its own, removed then. */
  readonly storageDirectory?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** A process of Debian's `docker-registry`. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly storageDirectory: string;
  /** What the running process has logged. */
  readonly log: string;
  /** Ends the process; what it stored stays for `start`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Runs the garbage collection of a registry that is stopped, and gives its output. */
  collect(): Promise<string>;
  /** Starts again after `stop` with the same port, storage and secret, so upload sessions stay valid. */
  start(): Promise<void>;
}

export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const directory = await openTempDirectory("mirror-registry-");
  const storageDirectory = options.storageDirectory ?? directory.resolve("storage");
  const configPath = directory.resolve("config.yml");
  const htpasswdPath = directory.resolve("htpasswd");
  let port = options.port ?? 0;
  let running: RunningProcess | undefined;

  async function start(): Promise<void> {
    const config = renderConfig(options, { port, storageDirectory, htpasswdPath });
    await writeFile(configPath, config);
    running = await startProcess(PROGRAM, ["serve", configPath], { env: {} });
    // The line is written after the socket listens and names the port that the system chose.
    const [, listening] = await running.waitFor(/listening on 127\.0\.0\.1:(\d+)/);
    port = Number(listening);
  }

  async function stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    running?.kill(signal);
    await running?.finished;
  }

  async function collect(): Promise<string> {
    const result = await runProcess(PROGRAM, ["garbage-collect", configPath]);
    if (result.exitCode !== 0) throw new Error(`Cannot collect: ${result.stderr}`);
    return result.stdout;
  }

  async function dispose(): Promise<void> {
    await stop();
    await directory[Symbol.asyncDispose]();
  }

  try {
    await mkdir(storageDirectory, { recursive: true });
    if (options.htpasswd) await writeFile(htpasswdPath, await renderHtpasswd(options.htpasswd));
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    host: `127.0.0.1:${port}`,
    storageDirectory,
    get log() {
      return running?.stderr ?? "";
    },
    start,
    stop,
    collect,
    [Symbol.asyncDispose]: dispose,
  };
}

interface Places {
  readonly port: number;
  readonly storageDirectory: string;
  readonly htpasswdPath: string;
}

/** The configuration file; YAML takes JSON as it is. */
function renderConfig(options: DockerRegistryOptions, places: Places): string {
  const { htpasswd, proxyRemoteUrl, readonly: isReadonly = false, tls } = options;
  const { htpasswdPath, port, storageDirectory } = places;
  return JSON.stringify({
    version: "0.1",
    log: { level: "info" },
    storage: {
      filesystem: { rootdirectory: storageDirectory },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: isReadonly } },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: "a fixed secret: upload sessions outlive the process",
      ...(tls ? { tls: renderTls(tls) } : {}),
    },
    ...(htpasswd ? { auth: { htpasswd: { realm: "test", path: htpasswdPath } } } : {}),
    ...(proxyRemoteUrl ? { proxy: { remoteurl: proxyRemoteUrl } } : {}),
  });
}

function renderTls(tls: NonNullable<DockerRegistryOptions["tls"]>) {
  const { certificatePath: certificate, keyPath: key, clientCaPath } = tls;
  return { certificate, key, ...(clientCaPath ? { clientcas: [clientCaPath] } : {}) };
}

async function renderHtpasswd(user: {
  readonly username: string;
  readonly password: string;
}): Promise<string> {
  const args = ["-nbB", "-C", "4", user.username, user.password];
  const { exitCode, stderr, stdout } = await runProcess(findTool("htpasswd") ?? "htpasswd", args);
  if (exitCode !== 0) throw new Error(`Cannot write htpasswd: ${stderr}`);
  return stdout;
}

import { mkdir, writeFile } from "node:fs/promises";
import { type ProcessResult, runProcess, startProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { findTool } from "../../support/tool.ts";

/** Runs a client of a daemon, or a program with a store of its own, to its end. */
export interface ToolSession extends AsyncDisposable {
  run(...args: readonly string[]): Promise<ProcessResult>;
}

export interface ContainerdOptions {
  /** Directory of `hosts.toml` files for the interface that kubelet uses; default: without that interface. */
  readonly criConfigPath?: string | undefined;
}

/** containerd with a root of its own; `run` is `ctr`. */
export async function startContainerd({
  criConfigPath,
}: ContainerdOptions = {}): Promise<ToolSession & { readonly socket: string }> {
  const directory = await openTempDirectory("mirror-containerd-");
  const socket = directory.resolve("c.sock");
  const configPath = directory.resolve("config.toml");
  await writeFile(
    configPath,
    [
      "version = 2",
      `root = "${directory.resolve("root")}"`,
      `state = "${directory.resolve("state")}"`,
      `disabled_plugins = [${criConfigPath === undefined ? '"io.containerd.grpc.v1.cri", ' : ""}"io.containerd.internal.v1.opt"]`,
      "[grpc]",
      `  address = "${socket}"`,
      ...(criConfigPath === undefined
        ? []
        : [
            '[plugins."io.containerd.grpc.v1.cri".registry]',
            `  config_path = "${criConfigPath}"`,
            '[plugins."io.containerd.grpc.v1.cri".containerd]',
            '  snapshotter = "native"',
          ]),
    ].join("\n"),
  );
  const running = await startProcess(tool("containerd"), ["--config", configPath]);
  const dispose = async () => {
    running.kill("SIGTERM");
    await running.finished;
    await directory[Symbol.asyncDispose]();
  };
  try {
    await running.waitFor(/containerd successfully booted/);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    socket,
    run: (...args) => runProcess(tool("ctr"), ["--address", socket, ...args]),
    [Symbol.asyncDispose]: dispose,
  };
}

/** dockerd on top of a containerd, without a network; `run` is `docker`. `inside` goes before the command of the daemon. */
export async function startDockerd(
  containerdSocket: string,
  flags: readonly string[] = [],
  inside: readonly string[] = [],
): Promise<ToolSession & { readonly socket: string }> {
  const directory = await openTempDirectory("mirror-dockerd-");
  const socket = directory.resolve("d.sock");
  const host = `unix://${socket}`;
  const [command = "", ...prefix] = [...inside, tool("dockerd")];
  const running = await startProcess(command, [
    ...prefix,
    ...["--data-root", directory.resolve("root"), "--exec-root", directory.resolve("exec")],
    ...["--pidfile", directory.resolve("pid"), "--host", host, "--containerd", containerdSocket],
    ...["--storage-driver", "vfs", "--bridge", "none", "--iptables=false"],
    ...flags,
  ]);
  const dispose = async () => {
    running.kill("SIGTERM");
    await running.finished;
    await directory[Symbol.asyncDispose]();
  };
  try {
    await running.waitFor(/API listen on/);
  } catch (error) {
    await dispose();
    throw error;
  }
  const env = { ...process.env, HOME: directory.path, DOCKER_CONFIG: directory.path };
  return {
    socket,
    run: (...args) => runProcess(tool("docker"), ["--host", host, ...args], { env }),
    [Symbol.asyncDispose]: dispose,
  };
}

type StoreTool = ToolSession & { readonly env: Readonly<Record<string, string>> };

/** podman with a store and a home of its own. */
export async function openPodman(
  variables: Readonly<Record<string, string>> = {},
): Promise<StoreTool> {
  return await openStoreTool("podman", ["--events-backend", "none"], variables);
}

/** buildah, in the same way. */
export async function openBuildah(
  variables: Readonly<Record<string, string>> = {},
): Promise<StoreTool> {
  return await openStoreTool("buildah", [], variables);
}

async function openStoreTool(
  program: string,
  flags: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<StoreTool> {
  const directory = await openTempDirectory(`mirror-${program}-`);
  const config = directory.resolve(".config", "containers");
  await mkdir(config, { recursive: true });
  const policy = { default: [{ type: "insecureAcceptAnything" }] };
  await writeFile(`${config}/policy.json`, JSON.stringify(policy));
  const store = ["--root", directory.resolve("root"), "--runroot", directory.resolve("run")];
  const quiet = ["--storage-driver", "vfs", ...flags];
  // The same for who calls the program without flags
  const storage = `${config}/storage.conf`;
  await writeFile(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = "${directory.resolve("root")}"\nrunroot = "${directory.resolve("run")}"\n`,
  );
  await writeFile(`${config}/containers.conf`, '[engine]\nevents_logger = "none"\n');
  const own = {
    HOME: directory.path,
    XDG_RUNTIME_DIR: directory.path,
    CONTAINERS_STORAGE_CONF: storage,
  };
  const env = { ...process.env, ...own, ...variables };
  return {
    env: own,
    run: (...args) => runProcess(tool(program), [...store, ...quiet, ...args], { env }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function tool(name: string): string {
  return findTool(name) ?? name;
}

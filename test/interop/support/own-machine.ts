import { mkdir } from "node:fs/promises";
import { startProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { findTool } from "../../support/tool.ts";

/** A network of its own on this machine, and a copy of what it has configured: gone when it ends. */
export interface OwnMachine extends AsyncDisposable {
  /** What goes before a command that is to run there. */
  readonly inside: readonly string[];
}

/** Address that is not loopback, for programs that trust everything at those; nobody else reaches it. */
export const OWN_ADDRESS = "10.80.80.1";

export async function startOwnMachine(): Promise<OwnMachine> {
  const directory = await openTempDirectory("mirror-machine-");
  const network = `ip link set lo up && ip addr add ${OWN_ADDRESS}/32 dev lo`;
  const lines = [await copyOfConfiguration(directory.path), network, "echo ready"];
  const script = `${lines.join("\n")}\nexec sleep infinity`;
  const running = await startProcess("unshare", ["--mount", "--net", "sh", "-c", script]);
  await running.waitFor(/ready/);
  const nsenter = findTool("nsenter") ?? "nsenter";
  return {
    inside: [nsenter, "--target", String(running.pid), "--mount", "--net"],
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The beginning of a script whose changes of `/etc` and `/usr/local` nobody else sees, in a mount namespace of its own. */
export async function copyOfConfiguration(directory: string): Promise<string> {
  const upper = `${directory}/upper`;
  await mkdir(upper, { recursive: true });
  return [
    "set -e",
    `mount -t tmpfs none ${upper}`,
    "for place in /etc /usr/local; do",
    `  mkdir -p ${upper}/up$place ${upper}/work$place`,
    `  mount -t overlay none -o lowerdir=$place,upperdir=${upper}/up$place,workdir=${upper}/work$place $place`,
    "done",
  ].join("\n");
}

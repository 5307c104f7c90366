import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import {
  createServeMetrics,
  type MirrorServer,
  openMetricsServer,
  openServer,
  type ServeEvent,
  type ServeMetrics,
} from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { parseListen, SERVE_FLAGS, toServerOptions } from "../options/serve.ts";
import { renderError } from "../output/error.ts";
import { renderServeEvent } from "../output/serve-line.ts";
import { UsageError } from "../usage-error.ts";

const FLAGS = { ...SERVE_FLAGS, ...REPORT_FLAGS } as const satisfies FlagTable;

export const SERVE_COMMAND: Command<typeof FLAGS> = {
  name: "serve",
  describe: "Serve bundles as a read-only registry, straight from their files",
  positionals: [
    { name: "bundle", describe: "Directory of a bundle; several add to each other", isList: true },
  ],
  flags: FLAGS,
  examples: [
    "mirror serve /media/usb/bundle",
    "mirror serve ./base ./update --prefer last --listen 0.0.0.0:5000",
  ],
  resumeHint: "Nothing was written; run the same command again",
  async run(given, context) {
    const metrics = createServeMetrics();
    await using server = await open(given, metrics, context);
    await using metricsServer = await openMetrics(given.flags.metrics, metrics);
    const announced = { ...server, metricsPort: metricsServer.port };
    await announce(announced, given.flags["ready-file"], context);
    context.onHangup?.(() => void reload(server, context));
    if (!context.signal.aborted) await once(context.signal, "abort");
    await server.stop();
    return EXIT_DONE;
  },
};

function open(
  { flags, rest }: CommandArguments<typeof FLAGS>,
  metrics: ServeMetrics,
  { signal, stderr, stdout }: CliContext,
): Promise<MirrorServer> {
  const isWanted = ({ type }: ServeEvent) => type === "request-failed" || flags["access-log"];
  return openServer({
    ...toServerOptions(flags),
    bundlePaths: rest,
    signal,
    onEvent: (event) => {
      metrics.onEvent(event);
      if (!isWanted(event)) return;
      if (flags.json) stdout.write(`${JSON.stringify(event)}\n`);
      else stderr.write(renderServeEvent(event));
    },
  });
}

async function openMetrics(
  listen: string | undefined,
  metrics: ServeMetrics,
): Promise<AsyncDisposable & { readonly port?: number }> {
  if (listen === undefined) return { [Symbol.asyncDispose]: async () => {} };
  return openMetricsServer({ metrics, ...parseListen("metrics", listen) });
}

/** Whoever is connected goes on in any case. */
async function reload(server: MirrorServer, { inFlags, stderr }: CliContext): Promise<void> {
  try {
    await server.reload();
    stderr.write("read certificates and logins again\n");
  } catch (error) {
    stderr.write(renderError(error, { debug: false, inFlags }));
  }
}

type Announced = Pick<MirrorServer, "address" | "imageCount" | "namespaces" | "port" | "url"> & {
  readonly metricsPort: number | undefined;
};

/** One line for programs, which may have left the choice of the port to the system, and one for people. */
async function announce(
  { address, imageCount, metricsPort, namespaces, port, url }: Announced,
  readyFile: string | undefined,
  { stderr, stdout }: CliContext,
): Promise<void> {
  const told = { type: "listening", address, port, url, namespaces, metricsPort };
  const line = `${JSON.stringify(told)}\n`;
  if (readyFile !== undefined) await writeReadyFile(readyFile, line);
  stdout.write(line);
  stderr.write(`serving ${imageCount} tags at ${url}\n`);
}

async function writeReadyFile(path: string, line: string): Promise<void> {
  try {
    await writeFile(path, line);
  } catch (error) {
    throw new UsageError(`Cannot use --ready-file: ${(error as Error).message}`);
  }
}

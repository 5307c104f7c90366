import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import {
  createServeMetrics,
  type MirrorServer,
  openMetricsServer,
  openServer,
  type ServeEvent,
  type ServeMetrics,
  type Upstream,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/serve.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { parseListen, toServerOptions } from "../options/serve.ts";
import { toUpstreamOptions } from "../options/upstreams.ts";
import { renderError } from "../output/error.ts";
import { renderServeEvent } from "../output/progress/serve-line.ts";
import { renderTrustSteps } from "../output/reports/trust-steps.ts";
import { formatCount } from "../output/units.ts";
import { UsageError } from "../usage-error.ts";
import { openUpstreamClients } from "./open-upstream-clients.ts";
import { toSignatureOptions } from "./signature-options.ts";

export const runServeCommand: Action<typeof FLAGS> = async (given, context) => {
  const metrics = createServeMetrics();
  await using opened = await openUpstreamClients(given.flags, context);
  requireContent(given, opened.upstreams.length);
  await using server = await open(given, { metrics, upstreams: opened.upstreams }, context);
  await using metricsServer = await openMetrics(given.flags.metrics, metrics);
  const upstreamCount = opened.upstreams.length;
  const { tree, writable } = given.flags;
  const announced = { ...server, metricsPort: metricsServer.port, tree, upstreamCount, writable };
  await announce(announced, given.flags["ready-file"], context);
  context.onHangup?.(() => void reload(server, context));
  if (!context.signal.aborted) await once(context.signal, "abort");
  await server.stop();
  return EXIT_DONE;
};

function requireContent({ flags, rest }: CommandArguments<typeof FLAGS>, upstreams: number): void {
  if (rest.length + upstreams > 0) return;
  if (flags.tree !== undefined || flags.writable !== undefined) return;
  throw new UsageError("Nothing to serve: neither a bundle nor an upstream is named", {
    hint: "Name the directory of a bundle, or --upstream default, or --writable local to push to",
  });
}

async function open(
  { flags, rest }: CommandArguments<typeof FLAGS>,
  {
    metrics,
    upstreams,
  }: { readonly metrics: ServeMetrics; readonly upstreams: readonly Upstream[] },
  { env, signal, stderr, stdout }: CliContext,
): Promise<MirrorServer> {
  const isWanted = ({ type }: ServeEvent) => type !== "request-answered" || flags["access-log"];
  return await openServer({
    ...toServerOptions(flags, env),
    ...toUpstreamOptions(flags, env),
    ...(await toSignatureOptions(flags)),
    upstreams,
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

type Announced = Pick<
  MirrorServer,
  "address" | "authority" | "imageCount" | "namespaces" | "port" | "url"
> & {
  readonly metricsPort: number | undefined;
  readonly tree: readonly string[] | undefined;
  readonly upstreamCount: number;
  readonly writable: string | undefined;
};

/** One line for programs, which may have left the choice of the port to the system, and one for people. */
async function announce(
  announced: Announced,
  readyFile: string | undefined,
  { stderr, stdout }: CliContext,
): Promise<void> {
  const { address, authority, metricsPort, namespaces, port, url } = announced;
  const told = { type: "listening", address, port, url, namespaces, metricsPort, authority };
  const line = `${JSON.stringify(told)}\n`;
  if (readyFile !== undefined) await writeReadyFile(readyFile, line);
  stdout.write(line);
  const { imageCount, tree, upstreamCount, writable } = announced;
  const upstreams = upstreamCount === 0 ? "" : ` and ${formatCount(upstreamCount, "upstream")}`;
  const files = (tree ?? []).map((path) => ` and the tree "${path}"`).join("");
  stderr.write(`serving ${formatCount(imageCount, "tag")}${files}${upstreams} at ${url}\n`);
  if (writable !== undefined) stderr.write(`push to ${new URL(url).host}/${writable}/…\n`);
  if (authority) stderr.write(renderTrustSteps(authority, { address, port }));
}

async function writeReadyFile(path: string, line: string): Promise<void> {
  try {
    await writeFile(path, line);
  } catch (error) {
    throw new UsageError(`Cannot use --ready-file: ${(error as Error).message}`);
  }
}

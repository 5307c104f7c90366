import { once } from "node:events";
import { type MirrorServer, openServer, type ServeEvent } from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { SERVE_FLAGS, toServerOptions } from "../options/serve.ts";
import { renderError } from "../output/error.ts";
import { renderServeEvent } from "../output/serve-line.ts";

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
    await using server = await open(given, context);
    announce(server, context);
    context.onHangup?.(() => void reload(server, context));
    if (!context.signal.aborted) await once(context.signal, "abort");
    await server.stop();
    return EXIT_DONE;
  },
};

function open(
  { flags, rest }: CommandArguments<typeof FLAGS>,
  { signal, stderr, stdout }: CliContext,
): Promise<MirrorServer> {
  const isWanted = ({ type }: ServeEvent) => type === "request-failed" || flags["access-log"];
  return openServer({
    ...toServerOptions(flags),
    bundlePaths: rest,
    signal,
    onEvent: (event) => {
      if (!isWanted(event)) return;
      if (flags.json) stdout.write(`${JSON.stringify(event)}\n`);
      else stderr.write(renderServeEvent(event));
    },
  });
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

/** One line for programs, which may have left the choice of the port to the system, and one for people. */
function announce(
  { address, imageCount, namespaces, port, url }: MirrorServer,
  { stderr, stdout }: CliContext,
): void {
  stdout.write(`${JSON.stringify({ type: "listening", address, port, url, namespaces })}\n`);
  stderr.write(`serving ${imageCount} tags at ${url}\n`);
}

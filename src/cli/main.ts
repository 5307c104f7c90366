#!/usr/bin/env node
import { runCli } from "./run.ts";
import { watchSignals } from "./signals.ts";

// A reader that has seen enough (`mirror inspect … | head`) is no failure
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

using watch = watchSignals(process, {
  exit: (status) => process.exit(status),
  onInterrupt: () => {
    process.stderr.write("\ninterrupted: saving the state; once more to stop at once\n");
  },
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: watch.signal,
});

#!/usr/bin/env node
import { keepCompiled } from "./compile-cache.ts";
import { EXIT_BUG, exitCodeOf } from "./exit-code.ts";
import { outputError, renderError } from "./output/error.ts";
import { watchSignals } from "./signals.ts";
import { watchSuspension } from "./suspension.ts";
import { tuneEngine } from "./tune-engine.ts";

const words = process.argv.slice(2);
tuneEngine();
keepCompiled(words, process.env);

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`mirror inspect … | head`) is no failure
    if (error.code === "EPIPE") return;
    const failure = outputError(error);
    if (stream === process.stdout) process.stderr.write(renderError(failure, { debug: false }));
    process.exit(exitCodeOf(failure));
  });
}

// Without this, Node.js ends quietly, and with a status of its own, when nothing is left to wait for
const endUnfinished = () => {
  process.stderr.write("error: a bug in this program: it came to its end before its work did\n");
  process.exit(EXIT_BUG);
};
process.once("beforeExit", endUnfinished);

using watch = watchSignals(process, {
  // `process.exit` would wait for threads, and one of them may wait for a medium that does not answer
  end: (name) => process.kill(process.pid, name),
  onInterrupt: () => {
    process.stderr.write("\ninterrupted: stopping in good order; once more to stop at once\n");
  },
});

const { runCli } = await import("./run.ts");
process.exitCode = await runCli(words, {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: watch.signal,
  onHangup: (listener) => process.on("SIGHUP", listener),
  suspension: watchSuspension(process, { stop: () => process.kill(process.pid, "SIGSTOP") }),
});
process.off("beforeExit", endUnfinished);

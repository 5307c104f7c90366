import type { Action, Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { renderCompletion, SHELLS } from "../output/completion.ts";
import { UsageError } from "../usage-error.ts";

/** Prints the script for a shell; `commands` are all of the program. */
export function createCompletionAction(commands: readonly Command[]): Action {
  return async ({ positionals }, { stdout }) => {
    const shell = SHELLS.find((name) => name === positionals["shell"]);
    if (shell === undefined) {
      throw new UsageError(`Cannot complete for "${positionals["shell"]}"`, {
        hint: `Use one of ${SHELLS.join(", ")}`,
      });
    }
    stdout.write(renderCompletion(shell, commands));
    return EXIT_DONE;
  };
}

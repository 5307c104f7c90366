import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { renderCompletion, SHELLS } from "../output/completion.ts";
import { UsageError } from "../usage-error.ts";

/** `commands`: all of the program, this one too. */
export function createCompletionCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    describe: "Print what makes a shell complete commands and flags",
    positionals: [{ name: "shell", describe: `One of ${SHELLS.join(", ")}` }],
    flags: {},
    examples: [
      "mirror completion bash > /etc/bash_completion.d/mirror",
      "mirror completion zsh > ~/.zsh/completions/_mirror",
      "mirror completion fish > ~/.config/fish/completions/mirror.fish",
    ],
    resumeHint: "Run the same command again",
    async run({ positionals }, { stdout }) {
      const shell = SHELLS.find((name) => name === positionals["shell"]);
      if (shell === undefined) {
        throw new UsageError(`Cannot complete for "${positionals["shell"]}"`, {
          hint: `Use one of ${SHELLS.join(", ")}`,
        });
      }
      stdout.write(renderCompletion(shell, commands()));
      return EXIT_DONE;
    },
  };
}

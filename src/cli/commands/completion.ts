import type { Command } from "../command.ts";
import { SHELLS } from "../output/completion.ts";

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
    load: async () => (await import("../actions/completion.ts")).createCompletionAction(commands()),
  };
}

import type { Command } from "../command.ts";
import type { Flag } from "../options/flag.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

type Completed = Pick<Command, "name" | "describe" | "flags">;

/** A script that completes commands, flags and their choices; other words are completed as files. */
export function renderCompletion(shell: Shell, commands: readonly Completed[]): string {
  switch (shell) {
    case "bash":
      return renderBash(commands);
    case "zsh":
      return renderZsh(commands);
    case "fish":
      return renderFish(commands);
  }
}

function renderBash(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, flags }) => `    ${name}) words='${flagWords(flags)}' ;;`);
  return `# bash completion of mirror
_mirror() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")}' -- "$current"))
    return
  fi
  case $previous in
${choicesOf(commands)
  .map(([name, choices]) => `    --${name}) words='${choices.join(" ")}' ;;`)
  .join("\n")}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ "\${COMP_WORDS[1]}" = completion ]; then
         COMPREPLY=($(compgen -W '${SHELLS.join(" ")}' -- "$current"))
       else
         COMPREPLY=($(compgen -f -- "$current"))
       fi ;;
  esac
}
complete -o filenames -F _mirror mirror
`;
}

function renderZsh(commands: readonly Completed[]): string {
  const names = commands.map(({ name, describe }) => `    '${name}:${zshText(describe)}'`);
  const cases = commands.map(({ name, flags }) => {
    const specs = Object.entries(flags).map(([flag, value]) => `      ${zshSpec(flag, value)}`);
    const words = name === "completion" ? `'*:shell:(${SHELLS.join(" ")})'` : "'*:file:_files'";
    return [
      `    ${name}) _arguments \\`,
      ...specs.map((spec) => `${spec} \\`),
      `      ${words} ;;`,
    ].join("\n");
  });
  return `#compdef mirror
_mirror() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _mirror ]; then _mirror "$@"; else compdef _mirror mirror; fi
`;
}

function renderFish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, describe, flags }) => [
    `complete -c mirror -f -n __fish_use_subcommand -a ${name} -d '${fishText(describe)}'`,
    ...Object.entries(flags).map(([flag, value]) => fishLine(name, flag, value)),
  ]);
  const shells = `complete -c mirror -f -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(" ")}'`;
  return `# fish completion of mirror\n${[...lines, shells].join("\n")}\n`;
}

function fishLine(command: string, name: string, flag: Flag): string {
  return [
    `complete -c mirror -n '__fish_seen_subcommand_from ${command}' -l ${name}`,
    ...aliasesOf(flag).flatMap((alias) => (alias.length === 1 ? [`-s ${alias}`] : [])),
    ...(flag.type === "boolean" || flag.bare !== undefined ? [] : ["-r"]),
    ...(flag.choices === undefined ? [] : [`-f -a '${flag.choices.join(" ")}'`]),
    `-d '${fishText(flag.describe)}'`,
  ].join(" ");
}

function zshSpec(name: string, { type, describe, choices, bare }: Flag): string {
  const repeated = type === "list" ? "*" : "";
  if (type === "boolean") return `'--${name}[${zshText(describe)}]'`;
  const values = choices === undefined ? "_files" : `(${choices.join(" ")})`;
  // A value that is attached, or none
  if (bare !== undefined) return `'--${name}=-[${zshText(describe)}]::value:${values}'`;
  return `'${repeated}--${name}=[${zshText(describe)}]:value:${values}'`;
}

function flagWords(flags: Completed["flags"]): string {
  return Object.entries<Flag>(flags)
    .flatMap(([name, { bare, choices = [] }]) => [
      `--${name}`,
      ...(bare === undefined ? [] : choices.filter((one) => one !== bare)).map(
        (one) => `--${name}=${one}`,
      ),
    ])
    .join(" ");
}

/** Of flags whose value is a word of its own. */
function choicesOf(commands: readonly Completed[]) {
  const all = commands.flatMap(({ flags }) =>
    Object.entries(flags).flatMap(([name, { choices, bare }]) =>
      choices === undefined || bare !== undefined ? [] : [[name, choices] as const],
    ),
  );
  return [...new Map(all)];
}

function aliasesOf({ alias = [] }: Flag): readonly string[] {
  return [alias].flat();
}

/** Inside single quotes, and inside the brackets of `_arguments`. */
function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:\\]/g, "\\$&");
}

function fishText(text: string): string {
  return text.replace(/['\\]/g, "\\$&");
}

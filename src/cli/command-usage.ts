import type { Command } from "./command.ts";

/** What is told of a command in messages. */
export interface CommandUsage {
  /** `mirror push` */
  readonly program: string;
  /** `mirror push <bundle> [target]` */
  readonly usage: string;
}

export function usageOf(command: Pick<Command, "name" | "positionals">): CommandUsage {
  return { program: `mirror ${command.name}`, usage: `mirror ${formatUsage(command)}` };
}

/** `push <bundle> <target>`. */
export function formatUsage(
  { name, positionals }: Pick<Command, "name" | "positionals">,
  shown: string = name,
): string {
  const names = positionals.map((one) => {
    const name = one.isList ? `${one.name}..` : one.name;
    return one.default === undefined && !one.isOptional ? `<${name}>` : `[${name}]`;
  });
  return [shown, ...names].join(" ");
}

import { MirrorError, SpaceExhaustedError, StorageFailedError } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import type { FlagWords } from "./flag-words.ts";
import { sanitize } from "./sanitize.ts";

const CAUSE_LIMIT = 4;

export interface RenderErrorOptions {
  readonly debug: boolean;
  readonly inFlags?: FlagWords;
}

/** What the user reads: the message, the causes in short, what to do; the stack only of bugs and with `--debug`. */
export function renderError(
  error: unknown,
  { debug, inFlags = (text) => text }: RenderErrorOptions,
): string {
  const isExpected = error instanceof MirrorError || error instanceof UsageError;
  const texts = [
    `error: ${isExpected ? "" : "a bug in this program: "}${messageOf(error)}`,
    ...detailsOf(error).map((detail) => `  ${detail}`),
    ...causesOf(error).map((message) => `  because: ${message}`),
    ...(isExpected && error.hint ? [`hint: ${sanitize(error.hint)}`] : []),
    ...(isExpected ? [] : ["hint: Report it with the lines below"]),
  ];
  const lines = [...texts, ...(debug || !isExpected ? stacksOf(error) : [])].map(inFlags);
  return `${lines.join("\n")}\n`;
}

/** What a result or a log could not be written for: the disk behind `>` is full, or gone. */
export function outputError(cause: NodeJS.ErrnoException): MirrorError {
  const hint = "Send the output elsewhere, then run the same command again";
  return cause.code === "ENOSPC"
    ? new SpaceExhaustedError("the output", "no space is left", { cause, hint })
    : new StorageFailedError("the output", "it cannot be written", { cause, hint });
}

export function messageOf(error: unknown): string {
  return sanitize(error instanceof Error ? error.message || error.name : String(error));
}

/** What is wrong one by one, where it is several things. */
export function detailsOf(error: unknown): readonly string[] {
  return error instanceof UsageError ? error.details.map(sanitize) : [];
}

/** Messages down the chain that say something new. */
export function causesOf(error: unknown): readonly string[] {
  const shown = [messageOf(error)];
  for (const cause of chainOf(error).slice(1, CAUSE_LIMIT + 1)) {
    const message = messageOf(cause);
    if (!shown.some((text) => text.includes(message))) shown.push(message);
  }
  return shown.slice(1);
}

function stacksOf(error: unknown): readonly string[] {
  return chainOf(error).flatMap((link, index) => {
    const stack = link instanceof Error ? (link.stack ?? link.message) : String(link);
    const text = index === 0 ? stack : `caused by: ${stack}`;
    return text.split("\n").map(sanitize);
  });
}

function chainOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let link = error; link !== undefined && !chain.includes(link) && chain.length < 10; ) {
    chain.push(link);
    link = link instanceof Error ? link.cause : undefined;
  }
  return chain;
}

import { type Notice, nearestNames } from "../../index.ts";
import { variableOf } from "./flag.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether a variable asks for what `--debug` shows: `MIRROR_DEBUG`, `MIRROR_LOG_LEVEL` and `D8_LOG_LEVEL` with `debug` or
 * `trace`, or `MIRROR_DEBUG_LOG` with a level above 0.
 */
export function asksForDebug(env: Environment): boolean {
  const isOn = /^(?:1|true|yes|on)$/i.test(env["MIRROR_DEBUG"] ?? "");
  const levels = [env["MIRROR_LOG_LEVEL"], env["D8_LOG_LEVEL"]];
  const isLoud = levels.some((level) => /^(?:debug|trace)$/i.test(level ?? ""));
  return isOn || isLoud || Number(env["MIRROR_DEBUG_LOG"] ?? 0) > 0;
}

/** What a user of the reference system set and has to know about. */
export function noticesOfEnvironment(env: Environment): readonly Notice[] {
  if (!env["D8_MIRROR_TIMEOUT"]) return [];
  const message =
    "D8_MIRROR_TIMEOUT has no effect: only transfers that stand still are cut off, and --retry-timeout says for how long to go on trying";
  return [{ code: "VARIABLE_IGNORED", message }];
}

const PREFIX = "MIRROR_";
/** Variables of this program that stand for no flag. */
const OTHERS = ["LOG_LEVEL", "DEBUG_LOG", "ACR_ENDPOINT", "ACR_ACCESS_TOKEN"];

/** Names that look like the variable of a flag and are none: what was meant would be lost in silence. */
export function noticesOfMisspelling(env: Environment, flags: Iterable<string>): readonly Notice[] {
  const known = new Set([...flags].map((name) => variableOf(name).slice(PREFIX.length)));
  return Object.keys(env).flatMap((variable) => {
    const name = variable.slice(PREFIX.length);
    if (!variable.startsWith(PREFIX) || known.has(name) || OTHERS.includes(name)) return [];
    const near = nearestNames(name, known).map((one) => `${PREFIX}${one}`);
    if (near.length === 0) return [];
    const message = `${variable} has no effect: no flag has this name. Did you mean ${near.join(", ")}?`;
    return [{ code: "VARIABLE_UNKNOWN", message }];
  });
}

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * Part of every password and token of the tests. Whatever the program writes is searched for it, so a test that uses
 * another secret would not notice a leak.
 */
export const MARKER = "marker-p4ssword";

/** What shows that a secret is in a text; undefined: none is. */
export function findSecret(text: string): string | undefined {
  return FORMS.map((form) => form.exec(text)?.[0]).find((found) => found !== undefined);
}

/** Fails the test if there is a secret in what a program has written. */
export function refuseSecrets(text: string, place: string): void {
  const found = findSecret(text);
  if (found === undefined) return;
  const at = text.indexOf(found);
  const around = text.slice(Math.max(0, at - 80), at + found.length + 20);
  throw new Error(`A secret is in ${place}: …${around}…`);
}

export interface WrittenOptions {
  /** Directories that are searched with all that is in them; files are passed over. */
  readonly directories: readonly string[];
  /** Only what was written at or after this time, in milliseconds. */
  readonly since: number;
  /** Files that logins are kept in on purpose. */
  readonly except: readonly string[];
}

/** The same for the files that a program has left. Packages are not read: they hold images and nothing else. */
export async function refuseWrittenSecrets(options: WrittenOptions): Promise<void> {
  for (const directory of new Set(options.directories)) {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const isRead = entry.isFile() && !/\.(?:tar|chunk)$/.test(path);
      if (isRead && !options.except.includes(path)) await refuseIn(path, options.since);
    }
  }
}

async function refuseIn(path: string, since: number): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (!status || status.mtimeMs < since || status.size > SEARCHED_BYTES) return;
  refuseSecrets(await readFile(path, "latin1"), path);
}

const SEARCHED_BYTES = 16 * 1024 * 1024;

/** The marker as it is, in base64 at each of the three places of a group, and headers with any credentials. */
const FORMS: readonly RegExp[] = [
  new RegExp(MARKER, "i"),
  ...[0, 1, 2].map((before) => new RegExp(base64Core(before).replaceAll("+", "\\+"))),
  /\bauthorization"?: *"?(?:Basic|Bearer) +(?!REDACTED)\S/i,
];

/** What is the same in the base64 of every text that has the marker after `before` bytes modulo three. */
function base64Core(before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), Buffer.from(MARKER)]).toString("base64");
  const whole = Math.floor((before + MARKER.length) / 3) * 4;
  return text.slice(before === 0 ? 0 : 4, whole);
}

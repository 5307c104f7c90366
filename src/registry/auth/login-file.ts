import { mkdir, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { OptionInvalidError } from "../../errors.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { readFile } from "../../io/read-file.ts";
import { formatJsonError } from "../../json-position.ts";
import { option } from "../../option.ts";

/** The parts of `config.json` and `auth.json` that logins are in; whatever else a file has is kept. */
export interface LoginFile {
  readonly auths?: Readonly<Record<string, unknown>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** Replaces the file by what `change` makes of it, readable by its owner only; undefined: leaves it as it is. */
export async function changeLoginFile(
  path: string,
  change: (file: LoginFile) => Promise<LoginFile | undefined>,
): Promise<void> {
  // a link stays a link
  const target = await realpath(path).catch(() => path);
  const changed = await change(await readLoginFile(target));
  if (changed === undefined) return;
  await createDirectory(dirname(target));
  await writeFileAtomically(target, `${JSON.stringify(changed, null, "\t")}\n`, {
    isPrivate: true,
  });
}

async function readLoginFile(path: string): Promise<LoginFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return {};
    throw storageError(error, path);
  }
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // not chained: the text of a JSON error quotes the file, which holds secrets
  }
  throw new OptionInvalidError(
    "authFile",
    `"${path}" is not a JSON object${formatJsonError(text)}, so nothing was changed`,
    {
      hint: `Repair or move the file, or name another one with ${option("authFile")}`,
    },
  );
}

async function createDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storageError(error, path);
  }
}

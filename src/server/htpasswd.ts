import { createHmac, randomBytes } from "node:crypto";
import bcrypt from "bcryptjs";
import pLimit from "p-limit";
import { OptionInvalidError } from "../errors.ts";

/** Who may come in. */
export interface Logins {
  check(username: string, password: string): Promise<boolean>;
}

const BCRYPT = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** Passwords that are checked at once: each takes a core for a good while, on purpose. */
const CHECKS_AT_ONCE = 2;

/** Logins that are remembered as right. */
const REMEMBERED_LIMIT = 10_000;

/** A hash that no password has, so that unknown names take as long as known ones. */
const NOBODY = `$2b$10$${"0".repeat(53)}`;

/** The file that `htpasswd -B` writes. Lines that cannot be used are named by their number, never quoted. */
export function parseHtpasswd(text: string, optionName: string): Logins {
  const hashes = new Map<string, string>();
  const bad: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, hash] = /^([^:]+):([^:\s]+)\s*$/.exec(line) ?? [];
    if (name === undefined || !BCRYPT.test(hash ?? "")) bad.push(index + 1);
    else hashes.set(name, hash ?? "");
  }
  if (bad.length > 0 || hashes.size === 0) {
    const reason =
      bad.length === 0 ? "the file has no logins" : `no bcrypt login in line ${bad.join(", ")}`;
    throw new OptionInvalidError(optionName, reason, {
      hint: "Write the file with: htpasswd -B -c FILE NAME",
    });
  }
  return createLogins(hashes);
}

function createLogins(hashes: ReadonlyMap<string, string>): Logins {
  const limit = pLimit(CHECKS_AT_ONCE);
  const key = randomBytes(32);
  const right = new Set<string>();
  const running = new Map<string, Promise<boolean>>();
  const compare = async (username: string, password: string): Promise<boolean> => {
    const isRight = await limit(() => bcrypt.compare(password, hashes.get(username) ?? NOBODY));
    return isRight && hashes.has(username);
  };
  return {
    async check(username, password) {
      // Clients send their login with every blob
      const name = createHmac("sha256", key).update(`${username}\0${password}`).digest("hex");
      if (right.has(name)) return true;
      const checking = running.get(name) ?? compare(username, password);
      running.set(name, checking);
      try {
        const isRight = await checking;
        if (isRight && right.size < REMEMBERED_LIMIT) right.add(name);
        return isRight;
      } finally {
        running.delete(name);
      }
    },
  };
}

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { mkdir, rename, rm, writeFrom } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { CacheRoom } from "./cache-room.ts";

/** Small answers that can be had again, by a key that says all that they depend on. */
export interface Records {
  /** Undefined if there is none, or none that is as it was written. */
  read(key: string): Promise<unknown>;
  write(key: string, record: unknown): Promise<void>;
}

/** In a directory that others share: `records/<hash of the key>`, two lines, the hash of the second and the record. */
export function createRecordCache(room: CacheRoom): Records {
  const pathOf = (key: string) => join(room.directory, "records", hashOf(key));
  return {
    async read(key) {
      const text = await readFile(pathOf(key), "utf8").catch(() => "");
      const [check, json = ""] = text.split("\n");
      // Of another key too: a file may have been moved
      if (check !== hashOf(`${key}\n${json}`)) return undefined;
      await room.touch(pathOf(key));
      return JSON.parse(json) as unknown;
    },
    async write(key, record) {
      const json = JSON.stringify(record);
      const bytes = Buffer.from(`${hashOf(`${key}\n${json}`)}\n${json}`);
      const temporary = room.temporaryPath("record");
      try {
        if (!(await room.admit(bytes.length))) return;
        await mkdir(dirname(pathOf(key)), { recursive: true });
        await writeFrom(temporary, [bytes]);
        await rename(temporary, pathOf(key));
      } catch {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

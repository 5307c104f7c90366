import { readFileSync } from "node:fs";

const manifest = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as Record<"name" | "version", string>;

/** Version of this package, as in package.json. */
export const VERSION: string = manifest.version;

/** What this program calls itself in `User-Agent` headers. */
export const USER_AGENT = `${manifest.name}/${manifest.version}`;

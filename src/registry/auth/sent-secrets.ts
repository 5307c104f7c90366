import { redactQueries } from "../redact.ts";
import type { HttpRequest } from "../transport/http.ts";

/** Shorter ones are parts of ordinary words. */
const SHORTEST = 4;
const LIMIT = 1_000;
/** Also secrets that are not ours: a server may repeat those of another client. */
const CREDENTIALS = /\b(Basic|Bearer)\s+[\w.~+/=-]{8,}/gi;

/** What has been sent to a registry and its token server, so that it can be cut out of what they say. */
export class SentSecrets {
  readonly #secrets = new Set<string>();

  /** Remembers the secrets in a request's `Authorization` and in the form of a token request. */
  note({ headers, body }: Pick<HttpRequest, "headers" | "body">): void {
    const [, scheme = "", value = ""] = /^(\S+) (.+)$/.exec(headers["authorization"] ?? "") ?? [];
    this.#add(value);
    if (/^basic$/i.test(scheme)) this.#add(passwordOf(value));
    if (headers["content-type"] !== "application/x-www-form-urlencoded") return;
    const form = new URLSearchParams(Buffer.isBuffer(body) ? body.toString("utf8") : "");
    for (const name of ["password", "refresh_token"]) this.#add(form.get(name) ?? "");
  }

  /** A server's text without them. */
  readonly redact = (text: string): string => {
    let shown = text;
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, "REDACTED");
    return redactQueries(shown.replace(CREDENTIALS, "$1 REDACTED"));
  };

  #add(secret: string): void {
    if (secret.length < SHORTEST || this.#secrets.size >= LIMIT) return;
    for (const form of [secret, encodeURIComponent(secret)]) this.#secrets.add(form);
  }
}

function passwordOf(pair: string): string {
  const text = Buffer.from(pair, "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
}

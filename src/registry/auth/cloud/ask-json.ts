import { USER_AGENT } from "../../../version.ts";
import { readBody } from "../../transport/body.ts";
import { openTransport } from "../../transport/transport.ts";

export interface JsonQuestion {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly env: NodeJS.ProcessEnv;
  /** Metadata servers are next door: no proxy leads to them. */
  readonly isDirect?: boolean;
}

const TIMEOUT_MS = 2_000;
const ANSWER_LIMIT_BYTES = 256 * 1024;

/**
 * Asks a login service of a cloud once and gives the text of its answer. Throws a plain `Error` that names the host and the
 * status, never what was sent or answered.
 */
export async function askText(question: JsonQuestion): Promise<string> {
  const { method, url, headers = {}, body, isDirect } = question;
  const env = isDirect ? {} : question.env;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  await using transport = openTransport({
    connections: 1,
    userAgent: USER_AGENT,
    stallTimeoutMs: TIMEOUT_MS,
    env,
  });
  let status: number;
  let bytes: Buffer | undefined;
  try {
    const payload = body === undefined ? {} : { body: Buffer.from(body) };
    const response = await transport.send({ method, url, headers, signal, ...payload });
    status = response.status;
    bytes = await readBody(response, { limitBytes: ANSWER_LIMIT_BYTES });
  } catch (cause) {
    throw new Error(`"${url.host}" does not answer`, { cause });
  }
  if (status !== 200 || bytes === undefined) throw new Error(`"${url.host}" answered ${status}`);
  return bytes.toString("utf8");
}

export async function askJson(question: JsonQuestion): Promise<Readonly<Record<string, unknown>>> {
  const text = await askText(question);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // not chained: the text of a JSON error quotes its input, which is a secret
  }
  throw new Error(`"${question.url.host}" gave no usable answer`);
}

/** A text of an answer that cannot be missing. */
export function textOf(answer: Readonly<Record<string, unknown>>, name: string): string {
  const value = answer[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`the answer has no ${name}`);
}

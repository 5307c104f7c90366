import { dirname, resolve } from "node:path";
import { OptionInvalidError } from "../errors.ts";
import { readNamedText } from "../io/read-file.ts";
import { formatJsonError } from "../json-position.ts";
import type { SignatureRule } from "./signature-rule.ts";

/**
 * Reads rules as people write them: `[PATTERN=]FILE` or `[PATTERN=]none`, where the file has public keys in PEM, or an
 * identity in JSON, which names its trusted root beside it. Without a pattern, a rule is for all repositories.
 */
export async function readSignatureRules(texts: readonly string[]): Promise<SignatureRule[]> {
  const rules = await Promise.all(texts.map(readRules));
  return rules.flat();
}

async function readRules(text: string): Promise<SignatureRule[]> {
  const [, pattern = "*", path = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
  if (path === "" || pattern === "") {
    throw new OptionInvalidError("requireSignatures", `"${text}" is not a rule`, {
      hint: 'Write a file or none, such as "cosign.pub", "ghcr.io/acme/*=cosign.pub" or "ghcr.io/acme/tools=none"',
    });
  }
  if (path === "none") return [{ pattern, demand: "none" }];
  const content = await read(path);
  if (/^\s*\{/.test(content)) return [{ pattern, demand: await readIdentity(path, content) }];
  return splitKeys(content).map((publicKey, position, { length }) => {
    const name = length > 1 ? `${path} (key ${position + 1})` : path;
    return { pattern, demand: { name, publicKey } };
  });
}

/** Any of several keys may have signed. */
function splitKeys(content: string): readonly string[] {
  return content.match(/-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|$)/gs) ?? [content];
}

async function readIdentity(path: string, content: string) {
  const { issuer, identity, trustedRoot, ...others } = parseJson(path, content);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw unfit(path, `it has a field "${unknown}" that nobody knows`);
  if (typeof issuer !== "string" || typeof identity !== "string") {
    throw unfit(path, "it does not have both an issuer and an identity");
  }
  if (typeof trustedRoot !== "string") throw unfit(path, "it names no file as its trustedRoot");
  const rootPath = resolve(dirname(path), trustedRoot);
  const root = parseJson(rootPath, await read(rootPath));
  return { name: path, issuer, identity, trustedRoot: root };
}

function parseJson(path: string, content: string): Record<string, unknown> {
  try {
    return JSON.parse(content) as Record<string, unknown>;
  } catch (cause) {
    throw unfit(path, `it is not JSON${formatJsonError(content)}`, { cause });
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readNamedText(path);
  } catch (cause) {
    throw unfit(path, "it cannot be read", { cause });
  }
}

function unfit(path: string, reason: string, options?: ErrorOptions): OptionInvalidError {
  return new OptionInvalidError("requireSignatures", `"${path}": ${reason}`, {
    hint: "Name the public key in PEM, such as cosign.pub, or a file with an identity (docs/referrers.md)",
    ...options,
  });
}

import { describe, expect, test } from "vitest";
import { SentSecrets } from "../../../src/registry/auth/sent-secrets.ts";
import { MARKER } from "../../support/secrets.ts";

const BASIC = Buffer.from(`ada:${MARKER}`).toString("base64");

function redact(text: string, authorization: string): string {
  const secrets = new SentSecrets();
  secrets.note({ headers: { authorization } });
  return secrets.redact(text);
}

describe("SentSecrets", () => {
  test.each([
    ["a password", `no user ada with ${MARKER}`, `Basic ${BASIC}`, "no user ada with REDACTED"],
    ["a pair", `bad pair ${BASIC}!`, `Basic ${BASIC}`, "bad pair REDACTED!"],
    ["a token", `token ${MARKER} ended`, `Bearer ${MARKER}`, "token REDACTED ended"],
    ["a header of anybody", "got Bearer eyJhbGciOi.x", "", "got Bearer REDACTED"],
    [
      "a signed URL",
      `GET /a?n=5&X-Amz-Signature=${MARKER}&sig=x failed`,
      "",
      "GET /a?n=5&X-Amz-Signature=REDACTED&sig=REDACTED failed",
    ],
  ])("takes %s out of what a server says", (_, text, authorization, shown) => {
    expect(redact(text, authorization)).toBe(shown);
  });

  test("knows the secrets in the form of a token request", () => {
    const secrets = new SentSecrets();
    const form = new URLSearchParams({ username: "ada", password: `p ${MARKER}` });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    secrets.note({ headers, body: Buffer.from(form.toString()) });
    expect(secrets.redact(`ada, "p ${MARKER}", p%20${MARKER}`)).toBe('ada, "REDACTED", REDACTED');
  });

  test("leaves words alone that are passwords by bad luck", () => {
    expect(redact("a tag is missing", `Basic ${Buffer.from("ada:tag").toString("base64")}`)).toBe(
      "a tag is missing",
    );
  });
});

import bcrypt from "bcryptjs";
import { describe, expect, test } from "vitest";
import { parseHtpasswd } from "../../src/server/htpasswd.ts";

const HASH = bcrypt.hashSync("p@ss:word", 4).replace(/^\$2b/, "$2y");

describe("parseHtpasswd()", () => {
  test("lets in who has the password, again and again, and nobody else", async () => {
    const { check } = parseHtpasswd(`# logins\nalice:${HASH}\n\n`, "htpasswdFile");
    expect(await check("alice", "p@ss:word")).toBe(true);
    expect(await check("alice", "p@ss:word")).toBe(true);
    expect(await check("alice", "other")).toBe(false);
    expect(await check("bob", "p@ss:word")).toBe(false);
  });

  test("names the lines that are not bcrypt, and shows nothing of them", () => {
    const text = `alice:${HASH}\nbob:{SHA}c2VjcmV0\ncarol\n`;
    const parse = () => parseHtpasswd(text, "htpasswdFile");
    expect(parse).toThrow("Cannot use `htpasswdFile`: no bcrypt login in line 2, 3");
  });

  test("refuses a file that lets nobody in", () => {
    expect(() => parseHtpasswd("# nobody\n", "htpasswdFile")).toThrow("the file has no logins");
  });
});

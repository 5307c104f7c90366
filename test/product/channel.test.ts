import { describe, expect, test } from "vitest";
import { isChannel, parseChannelRelease } from "../../src/product/channel.ts";

const parse = (text: string) => parseChannelRelease(Buffer.from(text), "version.json");

describe("parseChannelRelease()", () => {
  test.each([
    ['{"version":"v1.70.3","suspend":false,"requirements":{"k8s":"1.28"}}', "v1.70.3", false],
    ['{"version":"0.6.1"}', "v0.6.1", false],
    ['{"version":"v1.0.0-rc.1","suspend":true}', "v1.0.0-rc.1", true],
    ['{"version":"main"}', "main", false],
    ['{"version":"v1.0.0","suspend":"true"}', "v1.0.0", false],
  ])("reads %s", (text, version, isSuspended) => {
    expect(parse(text)).toEqual({ version, isSuspended });
  });

  test.each(["", "{", "null", "[]", "{}", '{"version":1}', '{"version":""}', '{"version":"a/b"}'])(
    "refuses %j",
    (text) => {
      expect(() => parse(text)).toThrow(expect.objectContaining({ code: "CONTENT_INVALID" }));
    },
  );
});

describe("isChannel()", () => {
  test.each(["alpha", "beta", "early-access", "stable", "rock-solid", "lts"])(
    "knows %s",
    (name) => {
      expect(isChannel(name)).toBe(true);
    },
  );

  test.each(["", "Stable", "edge", "toString"])("does not know %j", (name) => {
    expect(isChannel(name)).toBe(false);
  });
});

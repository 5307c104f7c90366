import { expect, test } from "vitest";
import { renderServeEvent } from "../../../../src/cli/output/progress/serve-line.ts";

test("a client that was cut off is named with what it asked for, and can write no line of its own", () => {
  const path = "/v2/a/blobs/sha256:0\nerror: all is lost";
  const line = renderServeEvent({ type: "client-cut", method: "GET", path, client: "10.1.2.3" });
  expect(line).toMatch(/^warning: 10\.1\.2\.3 is too slow, and was cut off: GET \/v2\/a\/blobs/);
  expect(line.trimEnd()).not.toContain("\n");
});

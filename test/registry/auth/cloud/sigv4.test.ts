import { expect, test } from "vitest";
import { signRequest } from "../../../../src/registry/auth/cloud/sigv4.ts";

test("signRequest() signs the post-vanilla case of Amazon's test suite", () => {
  const signed = signRequest(
    { url: new URL("https://example.amazonaws.com/"), headers: {}, body: "" },
    {
      keys: {
        accessKeyId: "AKIDEXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      },
      region: "us-east-1",
      service: "service",
      now: new Date("2015-08-30T12:36:00Z"),
    },
  );
  expect(signed["authorization"]).toMatch(
    /Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b$/,
  );
});

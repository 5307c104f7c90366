import { expect, test } from "vitest";
import { parseRequestTarget } from "../../src/server/request-target.ts";

test.each([
  ["/v2/", "/v2"],
  ["//v2//a//b/manifests/1", "/v2/a/b/manifests/1"],
  ["/v2/a/tags/list/", "/v2/a/tags/list"],
  ["/", "/"],
  ["//", "/"],
  ["http://mirror:5000/v2/a", "/v2/a"],
  ["HTTPS://mirror:5000", "/"],
  ["/v2/a%2Fb/blobs/sha256%3Aff", "/v2/a/b/blobs/sha256:ff"],
  ["/v2/a%zz", "/v2/a%zz"],
])("the path of %s is %s", (target, path) => {
  expect(parseRequestTarget(target).path).toBe(path);
});

test.each([
  ["/v2/a?ns=quay.io", "ns", "quay.io"],
  ["/v2/a/?n=5&last=x%2Fy", "last", "x/y"],
  ["http://mirror:5000?ns=quay.io", "ns", "quay.io"],
  ["/v2/a?last=what?", "last", "what?"],
])("in %s, %s is %s", (target, name, value) => {
  expect(parseRequestTarget(target).query.get(name)).toBe(value);
});

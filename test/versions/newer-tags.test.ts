import { expect, test } from "vitest";
import { newerTags } from "../../src/versions/newer-tags.ts";

const NGINX = [
  ...["1", "1.27", "1.27.0", "1.27.1", "1.27.3", "1.28.0", "1.9.9", "latest", "mainline"],
  ...["1.27.1-alpine", "1.27.3-alpine", "1.28.0-alpine", "1.27.3-alpine3.20", "1.28-alpine"],
];

test.each([
  ["a release", "1.27.1", NGINX, ["1.28.0", "1.27.3"]],
  ["a release with a suffix", "1.27.1-alpine", NGINX, ["1.28.0-alpine", "1.27.3-alpine"]],
  ["a moving minor", "1.27", ["1.28", "1.28.1", "2.0", "1.9"], ["2.0", "1.28"]],
  ["a moving major", "3", ["3", "4", "20240329", "3.20"], ["4"]],
  ["a date", "20240101", ["20240329", "3", "20230101"], ["20240329"]],
  ["the newest", "1.28.0", NGINX, []],
  ["v in front", "v1.2.3", ["1.2.4", "v1.2.4", "v1.2.10"], ["v1.2.10", "v1.2.4"]],
  ["a word in front", "release-1.2", ["release-1.3", "1.3", "beta-1.4"], ["release-1.3"]],
  [
    "a pre-release",
    "1.2.0-rc.1",
    ["1.2.0-rc.2", "1.2.0-rc.10", "1.2.0", "1.2.0-beta.3", "1.1.0", "1.3.0-alpine"],
    ["1.2.0", "1.2.0-rc.10", "1.2.0-rc.2"],
  ],
  ["a release, of which pre-releases come later", "1.2.0", ["1.3.0-rc.1", "1.2.1"], ["1.2.1"]],
  ["four numbers", "2.19.2.1", ["2.19.2.2", "2.20.0", "2.19.3.0"], ["2.19.3.0", "2.19.2.2"]],
  ["revisions behind a dash", "1.2.3-r0", ["1.2.4-r0", "1.2.4", "1.2.3-r1"], ["1.2.4-r0"]],
  ["numbers above 2^53", "1.90071992547409931", ["1.90071992547409932"], ["1.90071992547409932"]],
  ["a name", "latest", NGINX, []],
  ["what is named after a digest", `sha256-${"0a1".repeat(22)}.sig`, NGINX, []],
  ["a commit", "3f2a9c1", ["4f2a9c1", "9"], []],
])("of %s", (_, tag, tags, expected) => {
  expect(newerTags(tag, tags)).toEqual(expected);
});

import { describe, expect, test } from "vitest";
import { nearestNames } from "../../../src/selection/grammar/nearest.ts";

describe("nearestNames()", () => {
  test.each<[string, string[], string[]]>([
    ["consle", ["console", "commander", "code"], ["console"]],
    ["Console", ["console"], ["console"]],
    ["huawei", ["csi-huawei", "csi-hpe"], ["csi-huawei"]],
    ["v1.3.4", ["v1.3.3", "v1.3.0", "v2.0.0", "latest"], ["v1.3.0", "v1.3.3"]],
    ["1.3.0", ["v1.3.0"], ["v1.3.0"]],
    ["zzzzzz", ["console", "code"], []],
    ["anything", [], []],
    ["aa", ["ab", "ac", "ad", "ae"], ["ab", "ac", "ad"]],
  ])("%s among %j is %j", (wanted, names, nearest) => {
    expect(nearestNames(wanted, names)).toEqual(nearest);
  });
});

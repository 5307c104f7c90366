import { describe, expect, test } from "vitest";
import { parseChartSelector } from "../../../src/selection/grammar/chart-selector.ts";
import { parseFileSelector } from "../../../src/selection/grammar/file-selector.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";

const failureOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error as Error & { code: string; hint?: string };
  }
  throw new Error("expected an error");
};

describe("parseChartSelector()", () => {
  test.each([
    ["https://repo.test/charts#nginx@^1.2", "https://repo.test/charts", "nginx", "^1.2"],
    ["https://repo.test/charts/ nginx@^1.2", "https://repo.test/charts", "nginx", "^1.2"],
    ["https://REPO.test/index.yaml#nginx@~1.2", "https://repo.test", "nginx", "~1.2"],
    ["http://repo.test:8080/a#nginx@>=1 <2", "http://repo.test:8080/a", "nginx", ">=1 <2"],
  ])("reads %s", (text, address, name, range) => {
    expect(parseChartSelector(text)).toEqual({
      from: "repository",
      text,
      address,
      name,
      filter: { kind: "range", range },
    });
  });

  test.each([
    ["oci://reg.test/charts/nginx", { registry: "reg.test", repository: "charts/nginx" }],
    ["oci://reg.test/nginx:1.2.3", { registry: "reg.test", repository: "nginx", tag: "1.2.3" }],
    [
      "oci://registry-1.docker.io/acme/nginx:1.2.3+up1",
      { registry: "docker.io", repository: "acme/nginx", tag: "1.2.3_up1" },
    ],
  ])("reads %s", (text, reference) => {
    expect(parseChartSelector(text)).toMatchObject({ from: "registry", text, reference });
  });

  test.each([
    ["nginx", "neither a registry nor a repository"],
    ["https://repo.test/charts", "the name of the chart is missing"],
    ["https://repo.test/charts#", "the name of the chart is missing"],
    ["https://repo.test/charts#a/b", "is not the name of a chart"],
    ["https://ada:swordfish@repo.test/charts#nginx", "a user name or a password"],
    ["https://repo.test/charts?token=x#nginx", "a query, which may be a secret"],
    ["https://repo.test/charts#nginx@^^1", "is not a version or a comparison"],
    ["oci://charts/nginx", '"charts" is no registry'],
    ["file:///charts#nginx", "neither a registry nor a repository"],
  ])("refuses %s and says nothing of passwords", (text, reason) => {
    const error = failureOf(() => parseChartSelector(text));
    expect(error).toMatchObject({ code: "SELECTION_INVALID" });
    expect(error.message).toContain(reason);
    expect(`${error.message} ${error.hint}`).not.toContain("swordfish");
  });
});

describe("parseFileSelector()", () => {
  test.each([
    ["./setup.iso:tools/setup:1.0", "./setup.iso", "tools/setup", "1.0"],
    ["./setup.iso:tools/setup", "./setup.iso", "tools/setup", "latest"],
    ["/data/Setup (2).ISO", "/data/Setup (2).ISO", "setup-2-iso", "latest"],
    ["C:\\data\\x.iso:tools/x", "C:\\data\\x.iso", "tools/x", "latest"],
    ["a:b.iso:x:1", "a:b.iso", "x", "1"],
  ])("reads %s", (text, path, repository, tag) => {
    expect(parseFileSelector(text)).toEqual({ path, repository, tag });
  });

  test.each([[""], ["  "], ["./..."]])("refuses %j", (text) => {
    expect(failureOf(() => parseFileSelector(text))).toMatchObject({ code: "SELECTION_INVALID" });
  });
});

describe("parseSelection() with charts", () => {
  test("says that the images of charts are not looked for where nobody asks for them", () => {
    const includeCharts = ["oci://reg.test/nginx"];
    const codes = (chartImages?: "named") =>
      parseSelection({ includeCharts, chartImages }).notices.map(({ code }) => code);
    expect(codes()).toEqual(["CHART_IMAGES_NOT_ASKED"]);
    expect(codes("named")).toEqual([]);
  });

  test.each([
    [{ includeImages: ["reg.test/a"], chartImages: "named" as const }, "there is no chart"],
    [
      { includeCharts: ["oci://reg.test/a"], chartImages: "all" as "named" },
      "neither named nor guess",
    ],
  ])("refuses %j", (options, reason) => {
    expect(failureOf(() => parseSelection(options)).message).toContain(reason);
  });

  test("makes the same of the same wishes in any order", () => {
    const includeCharts = ["oci://reg.test/a", "https://repo.test#b", "https://repo.test b"];
    const includeFiles = ["a:x", "b:y"];
    const forwards = parseSelection({ includeCharts, includeFiles });
    const backwards = parseSelection({
      includeCharts: includeCharts.toReversed(),
      includeFiles: includeFiles.toReversed(),
    });
    expect(JSON.stringify(backwards.selection)).toBe(JSON.stringify(forwards.selection));
  });
});

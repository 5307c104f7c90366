import { describe, expect, test } from "vitest";
import {
  renderDemoStep,
  renderDemoSummary,
} from "../../../../src/cli/output/reports/demo-report.ts";

describe("renderDemoStep()", () => {
  test("shows the command and what came out", () => {
    const step = {
      title: "Check the bundle",
      command: "mirror verify ./bundle",
      lines: ["3 files"],
    };
    expect(renderDemoStep(step)).toBe(
      "▸ Check the bundle\n  $ mirror verify ./bundle\n    3 files\n\n",
    );
  });
});

describe("renderDemoSummary()", () => {
  test("says where the files are", () => {
    expect(renderDemoSummary({ complete: true }, undefined)).toContain("gone again");
    expect(renderDemoSummary({ complete: true }, "./demo")).toContain("are in ./demo");
  });

  test("says so when something is missing", () => {
    expect(renderDemoSummary({ complete: false }, undefined)).toMatch(/not come to its end/);
  });
});

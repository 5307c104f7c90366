import { describe, expect, test } from "vitest";
import { renderOverallBar, renderTransferBar } from "../../../src/cli/output/bars.ts";

describe("renderOverallBar()", () => {
  test("shows share, bytes, rate and time left", () => {
    const view = { doneBytes: 24e6, totalBytes: 48e6, bytesPerSecond: 1.2e6, secondsLeft: 20 };
    expect(renderOverallBar({ ...view, running: [] })).toBe(
      `${"total".padEnd(36)}  ${"█".repeat(12)}${"░".repeat(12)}   50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left`,
    );
  });
});

describe("renderTransferBar()", () => {
  test("fits any name into its column, without its control characters", () => {
    const label = `module-\u001b[2J${"x".repeat(60)}`;
    const digest = `sha256:${"a".repeat(64)}`;
    const line = renderTransferBar({ label, digest, size: 0, doneBytes: 0 });
    expect(line).not.toContain("\u001b");
    expect(line.indexOf("█")).toBe(38);
    expect(line).toContain("aaaaaaaaaaaa");
  });
});

import { describe, expect, test } from "vitest";
import {
  renderOverallBar,
  renderResolving,
  renderTransferBar,
} from "../../../../src/cli/output/progress/bars.ts";

const VIEW = {
  doneBytes: 24e6,
  totalBytes: 48e6,
  bytesPerSecond: 1.2e6,
  secondsLeft: 20,
  running: [],
};
const TRANSFER = {
  label: "127.0.0.1:5000/acme/modules/foo",
  digest: `sha256:${"a".repeat(64)}`,
  size: 999.9e6,
  doneBytes: 999.8e6,
};

describe("renderOverallBar()", () => {
  test("shows share, bytes, rate and time left", () => {
    expect(renderOverallBar(VIEW, 200)).toBe(
      `${"█".repeat(12)}${"░".repeat(12)}   50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left`,
    );
  });

  test.each([72, 80, 100, 121])("fits into %i columns with all its figures", (columns) => {
    const slow = { ...VIEW, doneBytes: 499.9e6, totalBytes: 999.9e6, bytesPerSecond: 999.9e3 };
    const line = renderOverallBar({ ...slow, secondsLeft: 59 * 60 + 59 }, columns);
    expect(line.length).toBeLessThanOrEqual(columns);
    expect(line).toMatch(/^█+░+ .* 499.9 MB of 999.9 MB {2}999.9 kB\/s {2}59 min 59 s left$/);
  });

  test.each([
    [71, " 50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left"],
    [59, " 50%  1.2 MB/s  20 s left"],
  ])("leaves out what has no room in %i columns", (columns, line) => {
    expect(renderOverallBar(VIEW, columns)).toBe(line);
  });
});

describe("renderTransferBar()", () => {
  test.each([20, 40, 71, 72, 80, 100, 121, 200])("fits into %i columns", (columns) => {
    const line = renderTransferBar(TRANSFER, columns);
    expect(line.length).toBeLessThan(columns);
    expect(line).toMatch(/ 99%/);
    expect(line).toMatch(/oo\b/);
  });

  test.each([72, 80, 100])(
    "shows the name, the digest and a bar of 12 cells or more in %i columns",
    (columns) => {
      const line = renderTransferBar({ ...TRANSFER, label: "module-console" }, columns);
      expect(line).toContain("module-console aaaaaaaaaaaa");
      expect(/[█░]+/.exec(line)?.[0].length).toBeGreaterThanOrEqual(12);
    },
  );

  test("has a bar as wide as the one of the whole run", () => {
    for (const columns of [72, 80, 100, 200]) {
      const lines = [renderOverallBar(VIEW, columns), renderTransferBar(TRANSFER, columns)];
      expect(new Set(lines.map((line) => /^[█░]+/.exec(line)?.[0].length)).size).toBe(1);
    }
  });

  test("shows a name without its control characters", () => {
    const label = `module-\u001b[2J${"x".repeat(160)}`;
    const line = renderTransferBar({ ...TRANSFER, label, size: 0, doneBytes: 0 }, 200);
    expect(line).not.toContain("\u001b");
    expect(line.length).toBeLessThan(200);
    expect(line).toContain("aaaaaaaaaaaa");
  });
});

describe("renderResolving()", () => {
  test.each([70, 80, 200])("shows bytes and rate in %i columns", (columns) => {
    const reference = `registry.test/${"x".repeat(150)}:v1.3.0`;
    const moved = { bytes: 3.4e6, bytesPerSecond: 1.2e6 };
    const line = renderResolving({ lookups: 12, reference, ...moved }, columns);
    expect(line).toMatch(/^resolving {2}12 lookups {2}3.4 MB {2}1.2 MB\/s {2}reg.*v1.3.0$/);
    expect(line.length).toBeLessThan(columns);
  });

  test("fits into a terminal that is too narrow for it", () => {
    const moved = { bytes: 3.4e6, bytesPerSecond: 1.2e6 };
    expect(renderResolving({ lookups: 1, reference: "a.test/b", ...moved }, 20).length).toBe(19);
  });
});

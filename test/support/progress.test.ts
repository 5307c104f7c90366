import { describe, expect, test } from "vitest";
import { createProgress } from "./progress.ts";

describe("createProgress()", () => {
  test("takes a process that does something now and then for slow, however long it lasts", () => {
    const { note } = createProgress(60_000);
    const hours = Array.from({ length: 200 }, (_, minute) =>
      note(`${minute} ticks`, minute * 59_000),
    );
    expect(hours).not.toContain(true);
  });

  test("takes a process that has done nothing for the limit for stuck", () => {
    const { note } = createProgress(60_000);
    expect(note("7 ticks", 1_000)).toBe(false);
    expect(note("7 ticks", 60_999)).toBe(false);
    expect(note("7 ticks", 61_000)).toBe(true);
  });
});

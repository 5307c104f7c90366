import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { createJsonRenderer } from "../../../../src/cli/output/progress/json.ts";
import { openRenderer } from "../../../../src/cli/output/progress/open-renderer.ts";
import { createPlainRenderer } from "../../../../src/cli/output/progress/plain.ts";
import type { MirrorEvent } from "../../../../src/cli/output/progress/renderer.ts";
import { createTtyRenderer } from "../../../../src/cli/output/progress/tty.ts";
import { textOf } from "../../../support/text-of.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const PLANNED = {
  type: "planned",
  packages: 1,
  files: 2,
  images: 3,
  bytes: 50_000_000,
  fetchBytes: 40_000_000,
} as const;
const PULL: readonly MirrorEvent[] = [
  { type: "notice", code: "NO_CHANNELS", message: "the source has\nno channels" },
  PLANNED,
  {
    type: "blob-started",
    digest: DIGEST,
    size: 40_000_000,
    offset: 0,
    package: "module-foo",
    origin: "registry.test/acme",
  },
  { type: "blob-progress", digest: DIGEST, bytes: 10_000_000 },
];
const FINISHED: MirrorEvent = {
  type: "package-finished",
  package: "module-foo",
  files: ["module-foo.tar.0000.chunk", "module-foo.tar.0001.chunk"],
  size: 50_000_000,
};

function clock() {
  const ticks = new Map<number, () => void>();
  let time = 0;
  return {
    now: () => time,
    every: (intervalMs: number, callback: () => void) => {
      ticks.set(intervalMs, callback);
      return () => ticks.delete(intervalMs);
    },
    pass(milliseconds: number) {
      time += milliseconds;
      for (const callback of ticks.values()) callback();
    },
  };
}

function capture() {
  const stream = new PassThrough();
  return { stream, text: () => textOf(stream) };
}

describe("createPlainRenderer()", () => {
  test("writes one line each interval and one per finished package", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const renderer = createPlainRenderer({ stream, ...time });
    for (const event of PULL) renderer.onEvent(event);
    pass(10_000);
    renderer.onEvent(FINISHED);
    expect(text().split("\n")).toEqual([
      "notice: the source has no channels",
      "planned 3 images in 1 package: 2 files, 50.0 MB, of which 40.0 MB to fetch",
      "10.0 MB of 40.0 MB (25%), 1.0 MB/s, 30 s left, 1 transfer",
      "finished module-foo: 2 files, 50.0 MB",
      "",
    ]);
  });

  test("says each interval how far resolving is, until there is a plan", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const renderer = createPlainRenderer({ stream, ...time });
    renderer.onEvent({ type: "resolving", reference: "registry.test/acme/modules/foo" });
    renderer.onEvent({ type: "resolving", reference: "registry.test/acme/modules/foo:v1" });
    renderer.onEvent({ type: "resolving-progress", bytes: 5_000_000 });
    pass(10_000);
    renderer.onEvent({ ...PLANNED, fetchBytes: 0 });
    pass(10_000);
    expect(text().split("\n")).toEqual([
      "resolving: 2 lookups, 5.0 MB, 500.0 kB/s, now registry.test/acme/modules/foo:v1",
      "planned 3 images in 1 package: 2 files, 50.0 MB, of which 0 B to fetch",
      "",
    ]);
  });

  test("says nothing before there is a plan, and after it is disposed", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const renderer = createPlainRenderer({ stream, ...time });
    pass(10_000);
    for (const event of PULL) renderer.onEvent(event);
    text();
    renderer[Symbol.dispose]();
    pass(10_000);
    expect(text()).toBe("");
  });
});

describe("createTtyRenderer()", () => {
  test("shows how far resolving is", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const renderer = createTtyRenderer({ stream: Object.assign(stream, { isTTY: true }), ...time });
    renderer.onEvent({ type: "resolving", reference: "registry.test/acme/modules/foo:v1" });
    pass(100);
    renderer[Symbol.dispose]();
    expect(text()).toContain("resolving  1 lookup  0 B  0 B/s  registry.test/acme/modules/foo:v1");
  });

  test.each([
    [80, /█+░+ +25% {2}10.0 MB of 40.0 MB {2}/],
    [50, / 25% {2}[\d.]+ MB\/s/],
  ])("draws no wider than a terminal of %i columns", (columns, line) => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const terminal = Object.assign(stream, { isTTY: true, columns });
    const renderer = createTtyRenderer({ stream: terminal, ...time });
    for (const event of PULL) renderer.onEvent(event);
    pass(100);
    renderer[Symbol.dispose]();
    expect(text()).toMatch(line);
  });

  test("wraps notices while bars are drawn, and cuts none", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const terminal = Object.assign(stream, { isTTY: true, columns: 80 });
    const renderer = createTtyRenderer({ stream: terminal, ...time });
    for (const event of PULL) renderer.onEvent(event);
    pass(100);
    text();
    const words = Array.from({ length: 40 }, (_, index) => `word${index}`);
    renderer.onEvent({ type: "notice", code: "LONG", message: words.join(" ") });
    renderer[Symbol.dispose]();
    const lines = text()
      .replaceAll("\u001b[1G", "")
      .replaceAll("\u001b[2K", "")
      .split("\n")
      .slice(0, 4);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines.join(" ").match(/word\d+/g)).toEqual(words);
  });

  test("draws the whole run and each transfer, and cleans up", () => {
    const { stream, text } = capture();
    const { pass, ...time } = clock();
    const terminal = Object.assign(stream, { isTTY: true, columns: 200 });
    const renderer = createTtyRenderer({ stream: terminal, ...time });
    for (const event of PULL) renderer.onEvent(event);
    pass(100);
    renderer.onEvent({ type: "notice", code: "x", message: "later" });
    renderer[Symbol.dispose]();
    renderer[Symbol.dispose]();
    const drawn = text();
    expect(drawn).toContain("notice: the source has no channels");
    expect(drawn).toContain("notice: later");
    expect(drawn).toContain("10.0 MB of 40.0 MB");
    expect(drawn).toContain("module-foo aaaaaaaaaaaa");
  });
});

describe("openRenderer()", () => {
  test("prints each event as it is with json, and lines elsewhere", () => {
    const [stdout, stderr] = [capture(), capture()];
    using renderer = openRenderer("json", {
      stdout: stdout.stream,
      stderr: stderr.stream,
      inFlags: (value) => value,
    });
    for (const event of PULL) renderer.onEvent(event);
    renderer.onLine("waiting");
    const lines = stdout.text().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(PULL);
    expect(stderr.text()).toBe("waiting\n");
  });

  test("prints notices only with none", () => {
    const { stream, text } = capture();
    using renderer = openRenderer("none", {
      stdout: stream,
      stderr: stream,
      inFlags: (value) => value,
    });
    for (const event of PULL) renderer.onEvent(event);
    renderer.onLine("waiting");
    expect(text()).toBe("notice: the source has no channels\n");
  });
});

describe("createJsonRenderer()", () => {
  test("tells the progress of each transfer four times a second at most, and loses no byte", () => {
    const { stream, text } = capture();
    let time = 0;
    const renderer = createJsonRenderer({ events: stream, lines: stream, now: () => time });
    const other = `sha256:${"b".repeat(64)}`;
    for (time = 0; time < 2000; time += 10) {
      for (const digest of [DIGEST, other])
        renderer.onEvent({ type: "blob-progress", digest, bytes: 7 });
    }
    renderer.onEvent({ type: "blob-finished", digest: DIGEST, size: 1400, outcome: "fetched" });
    renderer[Symbol.dispose]();
    const events = text()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const digest of [DIGEST, other]) {
      const own = events.filter(
        (event) => event.digest === digest && event.type === "blob-progress",
      );
      expect(own.length).toBeLessThanOrEqual(9);
      expect(own.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(1400);
    }
    const finished = events.findIndex(({ type }) => type === "blob-finished");
    const last = events.findLastIndex(
      ({ type, digest }) => type === "blob-progress" && digest === DIGEST,
    );
    expect(last).toBeLessThan(finished);
  });
});

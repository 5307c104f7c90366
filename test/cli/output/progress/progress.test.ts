import { describe, expect, test } from "vitest";
import { TransferProgress } from "../../../../src/cli/output/progress/progress.ts";
import type { MirrorEvent } from "../../../../src/cli/output/progress/renderer.ts";

const A = `sha256:${"a".repeat(64)}`;
const B = `sha256:${"b".repeat(64)}`;

function progressOf(events: readonly MirrorEvent[], now = () => 0) {
  const progress = new TransferProgress(now);
  for (const event of events) progress.apply(event);
  return progress.view();
}

const planned = (fetchBytes: number): MirrorEvent => ({
  type: "planned",
  packages: 1,
  files: 1,
  images: 1,
  bytes: fetchBytes,
  fetchBytes,
});
const opened = (bytes: number): MirrorEvent => ({
  type: "opened",
  packages: 1,
  files: 1,
  images: 1,
  bytes,
});
const fetching = (digest: string, size: number, offset = 0): MirrorEvent => ({
  type: "blob-started",
  digest,
  size,
  offset,
  package: "module-foo",
  origin: "registry.test/acme",
});
const sending = (digest: string, size: number): MirrorEvent => ({
  type: "blob-started",
  digest,
  size,
  repository: "modules/foo",
});
const moved = (digest: string, bytes: number): MirrorEvent => ({
  type: "blob-progress",
  digest,
  bytes,
});

describe("TransferProgress", () => {
  test("foretells nothing from the first samples, nor from the time before them", () => {
    let time = 0;
    const progress = new TransferProgress(() => time);
    progress.apply({ type: "resolving", reference: "registry.test/acme" });
    time = 60_000;
    progress.apply(planned(50_000_000));
    progress.apply(fetching(A, 50_000_000));
    progress.apply(moved(A, 10_000));
    expect(progress.view()).not.toHaveProperty("secondsLeft");
    time += 4000;
    progress.apply(moved(A, 9_990_000));
    expect(progress.view()).toMatchObject({ bytesPerSecond: 2_500_000, secondsLeft: 16 });
  });

  test("counts what has arrived against what is to be fetched", () => {
    const view = progressOf([planned(100), fetching(A, 60), moved(A, 20), moved(A, 5)]);
    expect(view).toMatchObject({ doneBytes: 25, totalBytes: 100 });
    expect(view.running).toEqual([{ digest: A, label: "module-foo", size: 60, doneBytes: 25 }]);
  });

  test("does not count what resolving has fetched before the plan", () => {
    const view = progressOf([
      planned(60),
      { type: "blob-finished", digest: B, size: 4000, outcome: "fetched" },
      fetching(A, 60),
      moved(A, 20),
    ]);
    expect(view).toMatchObject({ doneBytes: 20, totalBytes: 60 });
  });

  test("shows a resumed blob from where it goes on", () => {
    const view = progressOf([planned(20), fetching(A, 60, 40), moved(A, 10)]);
    expect(view.running[0]?.doneBytes).toBe(50);
    expect(view.doneBytes).toBe(10);
  });

  test("goes back when a blob starts over", () => {
    const view = progressOf([
      planned(100),
      fetching(A, 60),
      moved(A, 60),
      { type: "blob-restarted", digest: A, bytes: 60, reason: "digest" },
      moved(A, 10),
    ]);
    expect(view.doneBytes).toBe(10);
    expect(view.running[0]?.doneBytes).toBe(10);
  });

  test("forgets a transfer that has finished", () => {
    const view = progressOf([
      planned(100),
      fetching(A, 60),
      moved(A, 60),
      { type: "blob-finished", digest: A, size: 60, outcome: "fetched" },
    ]);
    expect(view).toMatchObject({ doneBytes: 60, running: [] });
  });

  test("counts a blob of a push once, however many repositories get it", () => {
    const view = progressOf([
      opened(100),
      sending(A, 60),
      moved(A, 60),
      { type: "blob-finished", digest: A, size: 60, outcome: "uploaded" },
      { type: "blob-finished", digest: A, size: 60, outcome: "mounted" },
      { type: "blob-finished", digest: B, size: 30, outcome: "already-there" },
    ]);
    expect(view).toMatchObject({ doneBytes: 90, running: [] });
  });

  test("takes back the bytes of a failed upload", () => {
    const view = progressOf([
      opened(100),
      sending(A, 60),
      moved(A, 30),
      { type: "blob-finished", digest: A, size: 60, outcome: "failed" },
    ]);
    expect(view.doneBytes).toBe(0);
  });

  test("goes back to where a resumed blob began when it starts over", () => {
    const view = progressOf([
      planned(20),
      fetching(A, 60, 40),
      moved(A, 20),
      { type: "blob-restarted", digest: A, bytes: 60, reason: "digest" },
      fetching(A, 60, 0),
      moved(A, 30),
    ]);
    expect(view.running[0]?.doneBytes).toBe(30);
    expect(view.doneBytes).toBe(0);
  });

  test("does not count what was there already as fetched", () => {
    const view = progressOf([
      planned(100),
      { type: "blob-finished", digest: A, size: 60, outcome: "reused" },
    ]);
    expect(view.doneBytes).toBe(0);
  });

  test("counts the bytes that a verification has read", () => {
    const view = progressOf([
      { type: "opened", files: 1, bytes: 100 },
      { type: "progress", bytes: 30 },
    ]);
    expect(view).toMatchObject({ doneBytes: 30, totalBytes: 100 });
  });

  test("measures rate and time left over the last ten seconds", () => {
    let time = 0;
    const progress = new TransferProgress(() => time);
    progress.apply(planned(10_000));
    progress.apply(fetching(A, 10_000));
    for (time = 1000; time <= 20_000; time += 1000) progress.apply(moved(A, 100));
    time = 20_000;
    const view = progress.view();
    expect(view.bytesPerSecond).toBeCloseTo(110, 0);
    expect(view.secondsLeft).toBeCloseTo(8000 / view.bytesPerSecond, 5);
    time = 40_000;
    expect(progress.view().bytesPerSecond).toBe(0);
    expect(progress.view()).not.toHaveProperty("secondsLeft");
  });
});

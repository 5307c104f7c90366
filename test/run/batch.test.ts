import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { ContentInvalidError } from "../../src/oci/errors.ts";
import { Batch, joinSignals } from "../../src/run/batch.ts";

const SINGLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONTENT_INVALID"]);

function fail(error: Error) {
  return async () => {
    throw error;
  };
}

describe("Batch", () => {
  test("goes on after the failure of one item, and gives it to its owner", async () => {
    const batch = new Batch({ singleFailures: SINGLE });
    const failure = new ContentInvalidError("x", "it is broken");
    const failures: unknown[] = [];
    const note = (error: unknown) => failures.push(error);
    expect(await batch.attempt(fail(failure), note)).toBeUndefined();
    expect(await batch.attempt(async () => 7, note)).toBe(7);
    expect(failures).toEqual([failure]);
    expect(batch.fatal).toBeUndefined();
    expect(batch.signal.aborted).toBe(false);
  });

  test("ends with any other failure: what runs is aborted, nothing more begins, the first counts", async () => {
    const batch = new Batch({ singleFailures: SINGLE });
    const [first, second] = [new Error("first"), new Error("second")];
    const never = () => {
      throw new Error("a fatal failure is not one of an item");
    };
    await batch.attempt(fail(first), never);
    batch.end(second);
    expect(batch.fatal).toBe(first);
    expect(batch.signal.reason).toBe(first);
    let begun = false;
    const begin = async () => {
      begun = true;
    };
    expect(await batch.attempt(begin, never)).toBeUndefined();
    expect(begun).toBe(false);
  });

  test("ends when it is aborted from outside", async () => {
    const outside = new AbortController();
    const batch = new Batch({ signal: outside.signal, singleFailures: SINGLE });
    const reason = new Error("interrupted");
    outside.abort(reason);
    expect(batch.signal.reason).toBe(reason);
    await batch.attempt(
      async () => 1,
      () => {},
    );
    expect(batch.fatal).toBe(reason);
  });
});

test("joinSignals() follows each of the given signals", () => {
  const stop = new AbortController();
  const joined = joinSignals(undefined, new AbortController().signal, stop.signal);
  expect(joined.aborted).toBe(false);
  stop.abort();
  expect(joined.aborted).toBe(true);
});

import { describe, expect, test } from "vitest";
import { waitForRegistry } from "../../src/registry/wait-for-registry.ts";
import { createFakeClock } from "../support/clock.ts";
import { send, startServer } from "./support/server.ts";

const OPTIONS = { env: {}, certsDirectories: [] };

describe("waitForRegistry()", () => {
  test.each([200, 401])("K11: returns at once when a registry answers %i", async (status) => {
    await using server = await startServer((_, response) => send(response, status));
    const found = await waitForRegistry({ ...OPTIONS, url: `http://${server.host}` });
    expect(found).toMatchObject({ status, tries: 1 });
    expect(server.seen.map(({ url }) => url)).toEqual(["/v2/"]);
  });

  test("K11: asks every half second while it does not", async () => {
    let count = 0;
    await using server = await startServer((_, response) => {
      count += 1;
      send(response, count < 4 ? 503 : 200);
    });
    const clock = createFakeClock();
    const url = `http://${server.host}/prefix/`;
    const found = await waitForRegistry({ ...OPTIONS, url, clock });
    expect(found).toMatchObject({ status: 200, tries: 4, waitedMs: 1500 });
    expect(server.seen.at(-1)?.url).toBe("/prefix/v2/");
  });

  test("K11: ends when the time is over, with what came last", async () => {
    await using server = await startServer((_, response) => send(response, 503));
    const clock = createFakeClock();
    const waiting = waitForRegistry({ ...OPTIONS, url: `http://${server.host}`, clock });
    const place = `http://${server.host}/v2/`;
    await expect(waiting).rejects.toMatchObject({ code: "WAIT_TIMED_OUT", url: place });
    // The last try has half a second of real time, which a busy machine may need
    await expect(waiting).rejects.toThrow(/after 30 seconds: (?:it answered 503|no answer in)/);
    expect(server.seen).toHaveLength(60);
  });

  test("gives the last try no longer than what is left of the time", async () => {
    await using server = await startServer(() => {});
    const waiting = waitForRegistry({ ...OPTIONS, url: `http://${server.host}`, timeoutMs: 200 });
    await expect(waiting).rejects.toThrow(/no answer in (?:200|1\d\d) ms/);
  });

  test("says why nobody is there", async () => {
    const waiting = waitForRegistry({ ...OPTIONS, url: "http://127.0.0.1:1", timeoutMs: 100 });
    await expect(waiting).rejects.toThrow(/refused/);
  });

  test.each(["127.0.0.1:5000", "ftp://a", "http://u:p@a", "http://a?x"])(
    "refuses %s, which is no address of a registry",
    async (url) => {
      const waiting = waitForRegistry({ ...OPTIONS, url });
      await expect(waiting).rejects.toMatchObject({ code: "OPTION_INVALID" });
    },
  );
});

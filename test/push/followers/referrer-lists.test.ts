import { expect, test } from "vitest";
import type { Notice } from "../../../src/notice.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { ReferrerLists } from "../../../src/push/followers/referrer-lists.ts";
import { createFakeClock } from "../../support/clock.ts";

const WAITS_MS = [1_000, 30_000];
const subject = digestOf(Buffer.from("an image"));
const referrer = (name: string) => ({ digest: digestOf(Buffer.from(name)), subject });

/** A registry of which the list, and how often it was asked for, are known. */
function openLists(listed: () => readonly { readonly digest: Descriptor["digest"] }[]) {
  const clock = createFakeClock();
  const notices: Notice[] = [];
  let looks = 0;
  const lists = new ReferrerLists({
    ...{ registry: "registry.test", clock, waitsMs: WAITS_MS },
    signal: new AbortController().signal,
    onNotice: (notice) => notices.push(notice),
  });
  const target = {
    async referrers() {
      looks += 1;
      return listed().map(({ digest }) => ({
        digest,
        size: 2,
        mediaType: MEDIA_TYPE.imageManifest,
      }));
    },
  };
  const confirm = async (name: string) => {
    looks = 0;
    return { isListed: await lists.confirm(target, referrer(name)), looks };
  };
  return { clock, confirm, notices };
}

test("a target that never lists is waited for once, however much it takes, and that is told once", async () => {
  const { clock, confirm, notices } = openLists(() => []);
  expect(await confirm("first")).toEqual({ isListed: false, looks: 3 });
  for (const name of ["second", "third"]) {
    expect(await confirm(name)).toEqual({ isListed: false, looks: 1 });
  }
  expect(clock.sleeps).toEqual(WAITS_MS);
  expect(notices.map(({ code }) => code)).toEqual(["REFERRERS_UNLISTED"]);
});

test("one that lists late is waited for each time", async () => {
  let asked = 0;
  const late = [referrer("first"), referrer("second")];
  const { confirm, notices } = openLists(() => (++asked % 2 === 0 ? late : []));
  expect(await confirm("first")).toEqual({ isListed: true, looks: 2 });
  expect(await confirm("second")).toEqual({ isListed: true, looks: 2 });
  expect(notices).toEqual([]);
});

test("one that lists again is waited for again", async () => {
  const there = [referrer("second")];
  const { confirm } = openLists(() => there);
  expect(await confirm("first")).toEqual({ isListed: false, looks: 3 });
  expect(await confirm("second")).toEqual({ isListed: true, looks: 1 });
  expect(await confirm("third")).toEqual({ isListed: false, looks: 3 });
});

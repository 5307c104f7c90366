import { describe, expect, test } from "vitest";
import { RegistryResponseError } from "../../../src/registry/errors.ts";
import { createHostFacts, type HostFacts } from "../../../src/registry/host/host-facts.ts";
import { planRecovery } from "../../../src/registry/upload/upload-plan.ts";

const MIB = 1024 * 1024;

/** After a part of `sent` bytes from the start of a large blob was refused. */
function recoverFrom(status: number, sent: number, facts: Partial<HostFacts>) {
  const url = new URL("http://registry.test/v2/acme/web/blobs/uploads/1");
  const failure = new RegistryResponseError({
    registry: url.host,
    method: "PATCH",
    url,
    status,
  });
  const position = {
    size: 100 * MIB,
    offset: 0,
    minPartBytes: 0,
    isWhole: false,
    rangeRefusals: 0,
    restarts: 0,
    cuts: 0,
    step: { type: "part", end: sent },
  } as const;
  return planRecovery(failure, position, { ...createHostFacts(url.host), ...facts });
}

describe("planRecovery()", () => {
  test.each<[string, number, number, Partial<HostFacts>, object]>([
    ["halves", 413, 8 * MIB, { partLimitBytes: 8 * MIB }, { partLimitBytes: 4 * MIB }],
    [
      "does not halve what another upload has halved",
      413,
      8 * MIB,
      { partLimitBytes: 4 * MIB },
      { partLimitBytes: 4 * MIB },
    ],
    ["goes down to 64 KiB", 413, 100_000, { partLimitBytes: 100_000 }, { partLimitBytes: 65_536 }],
    ["then tries the whole", 413, 65_536, { partLimitBytes: 65_536 }, { type: "whole" }],
    ["takes 4 MiB", 416, 8 * MIB, { partLimitBytes: 8 * MIB }, { partLimitBytes: 4 * MIB }],
    [
      "takes what another upload has found",
      416,
      8 * MIB,
      { partLimitBytes: 2 * MIB },
      { partLimitBytes: 2 * MIB },
    ],
    ["then tries the whole", 416, 4 * MIB, { partLimitBytes: 4 * MIB }, { type: "whole" }],
  ])("%s after a %i to %i bytes", (_, status, sent, facts, expected) => {
    expect(recoverFrom(status, sent, facts)).toMatchObject(expected);
  });
});

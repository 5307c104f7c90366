import { readdir } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { startCountingProxy } from "../support/counting-proxy.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { hashFiles } from "./support/bundle-directory.ts";

const MIB = 1024 * 1024;

let bundle: string;
let pullAgain: readonly string[];

const directory = allTests(openTempDirectory);
const registry = allTests(startFaultRegistry);
const proxy = allTests(() => startCountingProxy(registry.host));

beforeAll(async () => {
  seed(registry, "acme/web", { v1: image({ layers: [randomLayer(2 * MIB, 31)] }) });
  bundle = directory.resolve("bundle");
  const pull = ["pull", bundle, "--include-image", `${registry.host}/acme/web:v1`];
  expect(await runMirror(pull)).toMatchObject({ exitCode: 0 });
  pullAgain = [...pull, "--force"];
});

describe("a bundle that is being pushed", () => {
  test("is not pulled into, and can be pushed elsewhere and verified meanwhile", async () => {
    const held = proxy.hold({ afterBytes: MIB, direction: "request", path: /uploads/ });
    const cwd = directory.path;
    await using pushing = await startMirror(["push", bundle, `${proxy.host}/first`], { cwd });
    await held;
    const before = await hashFiles(bundle);
    const refused = await runMirror(pullAgain);
    expect(refused.exitCode).toBe(30);
    expect(refused.stderr).toContain(`process ${pushing.pid}`);
    expect(await hashFiles(bundle)).toEqual(before);
    expect(await runMirror(["verify", bundle])).toMatchObject({ exitCode: 0 });
    const elsewhere = await runMirror(["push", bundle, `${registry.host}/second`], { cwd });
    expect(elsewhere).toMatchObject({ exitCode: 0 });
    proxy.release();
    expect(await pushing.finished).toMatchObject({ exitCode: 0 });
    expect(await readdir(bundle)).not.toContain(".mirror");
    expect(await runMirror(pullAgain)).toMatchObject({ exitCode: 0 });
  });
});

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VERSION } from "../../src/version.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("the file that npm pack makes is installed and runs where no registry can be reached", async () => {
  await using directory = await openTempDirectory();
  const npm = async (...words: string[]) => {
    const cache = ["--cache", directory.resolve("cache"), "--no-update-notifier"];
    const { exitCode, stderr } = await runProcess("npm", [...words, ...cache], { cwd: ROOT });
    expect(stderr.match(/^npm error.*$/gm) ?? []).toEqual([]);
    expect(exitCode).toBe(0);
  };
  await npm("pack", "--ignore-scripts", "--pack-destination", directory.path);
  const prefix = directory.resolve("prefix");
  // Nothing listens there
  const nowhere = ["--registry", "http://127.0.0.1:9/", "--offline", "--no-audit", "--no-fund"];
  const packed = directory.resolve(`airgap-mirror-${VERSION}.tgz`);
  await npm("install", "--global", "--prefix", prefix, ...nowhere, packed);
  const program = join(prefix, "bin/mirror");
  const demo = await runProcess(program, ["demo", "--json"], {
    env: { PATH: process.env["PATH"] },
  });
  expect(demo.exitCode).toBe(0);
  expect(JSON.parse(demo.stdout)).toMatchObject({ complete: true });
  const docs = await runProcess("ls", [join(prefix, "lib/node_modules/airgap-mirror/docs")]);
  expect(docs.stdout).toContain("bundle-format.md");
});

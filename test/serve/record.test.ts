import { appendFile, readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MirrorServer, openServer } from "../../src/serve/open-server.ts";
import { AMD64, ARM64, image, index } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { writeBundle } from "./support/bundles.ts";

const AMD = image({ name: "amd", platform: AMD64 });
const ARM = image({ name: "arm", platform: ARM64 });
const MANY = index([AMD, ARM]);
const PLAIN = image({ name: "plain", platform: AMD64 });
const TIME = "2026-01-01T00:00:00.000Z";
const digestOf = ({ manifest }: typeof AMD) => manifest.descriptor.digest;

let directory: TempDirectory;
let list: string;
let server: MirrorServer;

beforeEach(async () => {
  directory = await openTempDirectory();
  list = directory.resolve("list.txt");
  await writeBundle(directory.resolve("bundle"), {
    "docker.io/library/a:1": MANY,
    "quay.io/acme/plain:v1": PLAIN,
  });
});

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function serve(): Promise<void> {
  server = await openServer({
    bundlePaths: [directory.resolve("bundle")],
    port: 0,
    recordFile: list,
    now: () => Date.parse(TIME),
  });
}

const ask = (path: string, method = "GET") => fetch(`${server.url}/v2/${path}`, { method });

/** As containerd does. */
async function pull(child = AMD): Promise<void> {
  await ask("library/a/manifests/1?ns=docker.io", "HEAD");
  await ask(`library/a/manifests/${digestOf(MANY)}?ns=docker.io`);
  await ask(`library/a/manifests/${digestOf(child)}?ns=docker.io`);
}

async function linesOf(): Promise<readonly string[]> {
  await server[Symbol.asyncDispose]();
  return (await readFile(list, "utf8")).trimEnd().split("\n");
}

const MANY_LINE = `docker.io/library/a:1@${digestOf(MANY)}  # linux/amd64 ${TIME}`;

describe("the list of what was pulled", () => {
  test("names what clients asked for, with the platform that they took and the time, each once", async () => {
    await serve();
    await pull();
    await pull();
    await pull(ARM);
    await ask("quay.io/acme/plain/manifests/v1");
    expect(await linesOf()).toEqual([
      MANY_LINE,
      MANY_LINE.replace("amd64", "arm64"),
      `quay.io/acme/plain:v1@${digestOf(PLAIN)}  # linux/amd64 ${TIME}`,
    ]);
  });

  test("names what is only pulled by digest by that, and nothing that is not there", async () => {
    await serve();
    await ask(`acme/plain/manifests/${digestOf(PLAIN)}?ns=quay.io`);
    await ask("acme/plain/manifests/v2?ns=quay.io");
    await ask("acme/plain/tags/list?ns=quay.io");
    expect(await linesOf()).toEqual([
      `quay.io/acme/plain@${digestOf(PLAIN)}  # linux/amd64 ${TIME}`,
    ]);
  });

  test("is added to after a restart, keeps what others wrote, and heals a line that was cut off", async () => {
    await writeFile(list, "# mine\nghcr.io/acme/own:1\n");
    await serve();
    await pull();
    await server[Symbol.asyncDispose]();
    await appendFile(list, "quay.io/acme/cut");
    await serve();
    await pull();
    await pull(ARM);
    expect(await linesOf()).toEqual([
      "# mine",
      "ghcr.io/acme/own:1",
      MANY_LINE,
      "quay.io/acme/cut",
      MANY_LINE.replace("amd64", "arm64"),
    ]);
  });

  test("that cannot be written is refused at the start", async () => {
    list = directory.resolve("none", "list.txt");
    await expect(serve()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    list = directory.path;
    await expect(serve()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

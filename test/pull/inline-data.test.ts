import { expect, test } from "vitest";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { artifact, blob, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);

const EMPTY = blob(MEDIA_TYPE.emptyConfig, Buffer.from("{}"));

test("a config that the manifest has in itself need not be in the registry", async () => {
  const config = { ...EMPTY, descriptor: { ...EMPTY.descriptor, data: "e30=" } };
  seed(source, "acme/thing", { v1: artifact({ config }) });
  source.content.repository("acme/thing").blobs.delete(EMPTY.descriptor.digest);
  const bundle = directory.resolve("b");
  const image = `${source.host}/acme/thing:v1`;
  const pulled = await runInProcess(["pull", bundle, "--include-image", image, "--no-cache"]);
  expect(pulled.status, pulled.stdout + pulled.stderr).toBe(0);
  expect((await runInProcess(["verify", bundle])).status).toBe(0);
});

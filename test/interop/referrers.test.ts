import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fallbackTagOf } from "../../src/registry/content/referrers.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { digestOfArtifact, seedSigned, signedIndex } from "../support/referrers.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

const SIGNED = signedIndex();
const { index, children, cosign, referrers } = SIGNED;

/** Referrer → what it belongs to. */
const RELATIONS = [
  [referrers.spdx, index],
  [referrers.cyclonedx, children.amd64],
  [referrers.signature, referrers.spdx],
] as const;

let directory: TempDirectory;
let source: EmbeddedRegistry;
let middle: DockerRegistry;
let target: EmbeddedRegistry;

requireTool("docker-registry").describe("with a docker-registry, which lists no referrers", () => {
  beforeAll(async () => {
    directory = await openTempDirectory();
    [source, target] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
    middle = await startDockerRegistry();
    seedSigned(source, "acme/web", SIGNED);
  });

  afterAll(async () => {
    await middle?.[Symbol.asyncDispose]();
    await source?.close();
    await target?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  describe("on the way from a registry that does to another one", () => {
    test("every digest and every relation of an index, its children and their referrers is kept", async () => {
      const first = `first/${pathOf(source.host)}/acme/web`;
      await carry("one", `${source.host}/acme/web:v1`, `${middle.host}/first`);
      await expectTags(middle.host, first);
      for (const [one, subject] of RELATIONS) {
        const tag = fallbackTagOf(digestOfArtifact(subject));
        const { document } = await manifestOf(middle.host, first, tag);
        expect(document.manifests).toMatchObject([
          { digest: digestOfArtifact(one), artifactType: typeOf(one), annotations: textOf(one) },
        ]);
        expect((await manifestOf(middle.host, first, digestOfArtifact(one))).bytes).toEqual(
          one.manifest.bytes,
        );
      }

      const second = `second/${pathOf(middle.host)}/${first}`;
      await carry("two", `${middle.host}/${first}:v1`, `${target.host}/second`);
      await expectTags(target.host, second);
      for (const [one, subject] of RELATIONS) {
        const url = `http://${target.host}/v2/${second}/referrers/${digestOfArtifact(subject)}`;
        const { manifests } = (await (await fetch(url)).json()) as Index;
        expect(manifests).toMatchObject([
          { digest: digestOfArtifact(one), artifactType: typeOf(one), annotations: textOf(one) },
        ]);
      }
    });

    test("a second push finds everything there", async () => {
      const bundle = directory.resolve("one");
      const words = ["push", bundle, `${middle.host}/first`, "--receipt", directory.resolve("r2")];
      const { exitCode, stdout } = await runMirror([...words, "--json"]);
      expect(exitCode).toBe(0);
      const { images } = JSON.parse(stdout) as { images: { outcome: string }[] };
      expect(images).toHaveLength(7);
      expect(images.filter(({ outcome }) => outcome !== "already-there")).toEqual([]);
    });
  });
});

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

/** Through a bundle that is verified on the way. */
async function carry(bundle: string, image: string, to: string): Promise<void> {
  const path = directory.resolve(bundle);
  for (const words of [
    ["pull", path, "--include-image", image],
    ["verify", path],
    ["push", path, to, "--receipt", directory.resolve(`${bundle}.json`)],
  ]) {
    const result = await runMirror(words);
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  }
}

async function expectTags(host: string, repository: string): Promise<void> {
  for (const [tag, one] of [["v1", index] as const, ...Object.entries(cosign)]) {
    const { digest, bytes } = await manifestOf(host, repository, tag);
    expect([digest, bytes]).toEqual([digestOfArtifact(one), one.manifest.bytes]);
  }
}

async function manifestOf(host: string, repository: string, reference: string) {
  const url = `http://${host}/v2/${repository}/manifests/${reference}`;
  const response = await fetch(url, { headers: { accept: ACCEPT } });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.status, `${reference}: ${bytes}`).toBe(200);
  const digest = response.headers.get("docker-content-digest");
  return { digest, bytes, document: JSON.parse(String(bytes)) as Index };
}

const ACCEPT =
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

function typeOf({ manifest }: typeof index): string {
  return (JSON.parse(String(manifest.bytes)) as { artifactType: string }).artifactType;
}

function textOf({ manifest }: typeof index): unknown {
  return (JSON.parse(String(manifest.bytes)) as { annotations: unknown }).annotations;
}

function pathOf(host: string): string {
  return host.replace(":", "-");
}

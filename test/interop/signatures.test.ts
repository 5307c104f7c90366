import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import { formatCosignTag } from "../../src/oci/cosign-tag.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { AMD64, ARM64, image, index } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { digestOfArtifact, referrer, SPDX } from "../support/referrers.ts";
import { type ProcessResult, runProcess } from "../support/run-process.ts";
import { createKey, readSigned, seedSignedImage } from "../support/signatures.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { findTool, requireTool, useTool } from "../support/tool.ts";

const IMAGE = index([image({ name: "amd64", platform: AMD64 }), image({ platform: ARM64 })]);
const SBOM = referrer(IMAGE, SPDX, "bill of materials");
const DIGEST = digestOfArtifact(IMAGE);

let directory: TempDirectory;
let origin: EmbeddedRegistry;
let source: DockerRegistry;
let plain: DockerRegistry;
let listing: EmbeddedRegistry;
/** The image in each of them, source first. */
let places: readonly string[];

/** Not a package of Debian: where it is installed, it is asked. */
const COSIGN = "cosign";

requireTool("docker-registry").describe("beside a docker-registry", () => {
  useTool(COSIGN).describe("an image that cosign has signed there", () => {
    beforeAll(async () => {
      directory = await openTempDirectory();
      [origin, listing] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
      [source, plain] = [await startDockerRegistry(), await startDockerRegistry()];
      const content = origin.content.repository("app");
      storeArtifact(content, IMAGE, ["v1"]);
      storeArtifact(content, SBOM);
      await mirror("pull", "first", "--include-image", `${origin.host}/app:v1`);
      await push("first", source.host);
      const signed = `${source.host}/t/${pathOf(origin.host)}/app`;
      for (const name of ["own", "foreign"]) {
        await cosign("generate-key-pair", "--output-key-prefix", directory.resolve(name));
      }
      await sign(signed, "own");

      await mirror("pull", "b", "--include-image", `${signed}:v1`, ...demand("own"));
      await mirror("verify", "b", ...demand("own"));
      for (const { host } of [plain, listing]) await push("b", host, ...demand("own"));
      const path = `t/${pathOf(source.host)}/t/${pathOf(origin.host)}/app`;
      const registries = [source, plain, listing].map(({ host }) => [host, { tls: "disabled" }]);
      const hosts = Object.fromEntries(registries);
      await writeFile(directory.resolve("regctl"), JSON.stringify({ hosts }));
      places = [signed, `${plain.host}/${path}`, `${listing.host}/${path}`];
    }, 120_000);

    afterAll(async () => {
      for (const one of [source, plain]) await one?.[Symbol.asyncDispose]();
      for (const one of [origin, listing]) await one?.close();
      await directory?.[Symbol.asyncDispose]();
    });

    test("is verified by cosign in each target as in the source, and with no other key", async () => {
      for (const place of places) {
        const valid = await cosign("verify", ...VERIFYING, "--key", key("own"), `${place}:v1`);
        expect(valid.stdout + valid.stderr).toContain("were verified");
        const words = ["verify", ...VERIFYING, "--key", key("foreign"), `${place}:v1`];
        expect((await runCosign(words)).exitCode).not.toBe(0);
      }
    });

    for (const [name, ...words] of [
      ["oras", "discover", "--plain-http", "--format", "json"],
      ["regctl", "artifact", "list", "--format", "{{ jsonPretty . }}"],
    ] as const) {
      const title = `is seen by ${name} in each target with what it has in the source`;
      useTool(name).test(title, async () => {
        const seen = await Promise.all(places.map((place) => digestsSeen(name, words, place)));
        expect(seen[0]).toContain(digestOfArtifact(SBOM));
        expect(seen.slice(1)).toEqual([seen[0], seen[0]]);
      });
    }

    test("is refused with another key, and with none of its signatures", async () => {
      for (const words of [
        ["verify", directory.resolve("b"), ...demand("foreign")],
        ["push", directory.resolve("b"), `${plain.host}/x`, ...demand("foreign")],
        ["verify", directory.resolve("first"), ...demand("own")],
      ]) {
        const { exitCode, stdout, stderr } = await runMirror(words);
        expect(exitCode, stderr).toBe(25);
        expect(stdout + stderr).toContain(DIGEST);
      }
    });
  });
});

// Debian's skopeo and podman are built without sigstore
requireTool("docker-registry", "openssl").test(
  "what cosign has signed is verified by openssl with what the target has, and with no other key",
  async () => {
    await using place = await openTempDirectory();
    await using registry = await startDockerRegistry();
    await using signer = await openEmbeddedRegistry();
    const signed = readSigned("tag-p-256");
    seedSignedImage(signer, "app", signed);
    const [bundle, receipt] = [place.resolve("b"), place.resolve("receipt.json")];
    for (const words of [
      ["pull", bundle, "--include-image", `${signer.host}/app:v1`],
      ["push", bundle, `${registry.host}/t`, "--receipt", receipt],
    ]) {
      expect(await runMirror(words)).toMatchObject({ exitCode: 0 });
    }
    const url = `http://${registry.host}/v2/t/${pathOf(signer.host)}/app`;
    const digest = digestOf(signed.image);
    const tag = formatCosignTag({ subject: digest, suffix: "sig" });
    const [layer] = JSON.parse(await textOf(`${url}/manifests/${tag}`)).layers;
    const payload = await textOf(`${url}/blobs/${layer.digest}`);
    expect(JSON.parse(payload).critical.image["docker-manifest-digest"]).toBe(digest);
    expect(await textOf(`${url}/manifests/v1`)).toBe(signed.image);

    const [keyPath, signature] = [place.resolve("key.pub"), place.resolve("signature")];
    const text = layer.annotations["dev.cosignproject.cosign/signature"];
    await writeFile(signature, Buffer.from(text, "base64"));
    for (const [key, exitCode] of [
      [signed.publicKey, 0],
      [createKey().publicKey, 1],
    ] as const) {
      await writeFile(keyPath, key);
      const words = ["dgst", "-sha256", "-verify", keyPath, "-signature", signature];
      expect(await runProcess("openssl", words, { input: payload })).toMatchObject({ exitCode });
    }
  },
);

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { headers: { accept: MEDIA_TYPE.imageManifest } });
  expect(response.status, url).toBe(200);
  return await response.text();
}

/** Nothing but the registries is there to be asked. */
const OFFLINE = { HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.1" };
const VERIFYING = ["--insecure-ignore-tlog", "--allow-http-registry"];

async function sign(place: string, name: string): Promise<void> {
  const { stdout, stderr } = await cosign("version");
  const isOld = /GitVersion:\s+v[12]\./.test(stdout + stderr);
  const flags = isOld ? [] : ["--use-signing-config=false"];
  const words = ["--yes", "--tlog-upload=false", "--allow-http-registry", ...flags];
  await cosign("sign", ...words, "--key", directory.resolve(`${name}.key`), `${place}@${DIGEST}`);
}

async function cosign(...words: string[]): Promise<ProcessResult> {
  const result = await runCosign(words);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return result;
}

async function runCosign(words: readonly string[]): Promise<ProcessResult> {
  const env = { HOME: directory.path, COSIGN_PASSWORD: "", ...OFFLINE };
  return await runProcess(findTool(COSIGN) ?? COSIGN, words, { env });
}

async function digestsSeen(name: string, words: readonly string[], place: string) {
  const env = { HOME: directory.path, REGCTL_CONFIG: directory.resolve("regctl"), ...OFFLINE };
  const result = await runProcess(findTool(name) ?? name, [...words, `${place}:v1`], { env });
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return [...new Set(result.stdout.match(/sha256:[0-9a-f]{64}/g))].sort();
}

function demand(name: string): string[] {
  return ["--require-signature", key(name)];
}

function key(name: string): string {
  return directory.resolve(`${name}.pub`);
}

async function push(bundle: string, host: string, ...words: string[]): Promise<void> {
  const receipt = directory.resolve("receipt.json");
  await mirror("push", bundle, `${host}/t`, ...words, "--receipt", receipt);
  expect(JSON.parse(await readFile(receipt, "utf8"))).toMatchObject({ complete: true });
}

async function mirror(command: string, bundle: string, ...words: string[]): Promise<void> {
  const result = await runMirror([command, directory.resolve(bundle), ...words]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
}

function pathOf(host: string): string {
  return host.replace(":", "-");
}

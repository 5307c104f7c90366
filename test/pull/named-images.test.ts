import { describe, expect, test } from "vitest";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, seed } from "../support/artifacts.ts";
import { eachTest } from "../support/fixture.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);

const HEX = "ab".repeat(32);
const IMGPKG = { "dev.carvel.imgpkg.bundle": "true" };
const OPERATOR = {
  "operators.operatorframework.io.bundle.mediatype.v1": "registry+v1",
  "operators.operatorframework.io.bundle.manifests.v1": "manifests/",
};

function lock(...images: readonly string[]): string {
  const lines = images.map((one) => `- annotations: {}\n  image: ${one}\n`);
  return `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${lines.join("")}`;
}

const CSV = `
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
spec:
  relatedImages:
  - {name: manager, image: "quay.io/acme/manager@sha256:${HEX}"}
  install:
    spec:
      deployments:
      - spec:
          template:
            spec:
              initContainers: [{image: "quay.io/acme/init:v1"}]
              containers: [{image: "quay.io/acme/manager@sha256:${HEX}"}, {name: odd}]
`;

describe("an image that names others in its layers is told with those that are not there", () => {
  test("of a bundle of imgpkg", async () => {
    const other = image({ name: "other" });
    const { digest } = other.manifest.descriptor;
    const files = {
      ".imgpkg/images.yml": lock(`quay.io/acme/web@sha256:${HEX}`, `old.example/x@${digest}`),
    };
    const bundle = image({ name: "bundle", labels: IMGPKG, files });
    const [told, ...rest] = await pull({ bundle, other });
    expect(rest).toEqual([]);
    expect(told).toContain("/acme/bundle:v1");
    expect(told).toContain(`quay.io/acme/web@sha256:${HEX}`);
    expect(told).toContain("--include-image");
    // It is here, under another name
    expect(told).not.toContain("old.example");
  });

  test("of a bundle of an operator, each once", async () => {
    const files = { "manifests/acme.clusterserviceversion.yaml": CSV };
    const [told = ""] = await pull({ bundle: image({ labels: OPERATOR, files }) });
    expect(told.split("quay.io/acme/manager@")).toHaveLength(2);
    expect(told).toContain("quay.io/acme/init:v1");
  });

  test("of a release of OpenShift", async () => {
    const list = {
      kind: "ImageStream",
      spec: {
        tags: [{ name: "cli", from: { kind: "DockerImage", name: `quay.io/o/v4@sha256:${HEX}` } }],
      },
    };
    const files = { "release-manifests/image-references": JSON.stringify(list) };
    const labels = { "io.openshift.release": "4.20.1" };
    const [told] = await pull({ release: image({ labels, files }) });
    expect(told).toContain(`quay.io/o/v4@sha256:${HEX}`);
  });

  test("of a catalog, whose images are not counted", async () => {
    const labels = { "operators.operatorframework.io.index.configs.v1": "/configs" };
    const [told] = await pull({ catalog: image({ labels }) });
    expect(told).toContain("a catalog of OLM operators");
  });

  test("and so is a list that cannot be read, or is not there", async () => {
    const broken = { ".imgpkg/images.yml": "images: [" };
    const [told] = await pull({ bundle: image({ labels: IMGPKG, files: broken }) });
    expect(told).toContain("it is not YAML");
    const [other] = await pull({ other: image({ name: "other", labels: IMGPKG }) });
    expect(other).toContain(".imgpkg/images.yml");
  });
});

test("an image that names none, or only images that are there, is not told", async () => {
  const files = { ".imgpkg/images.yml": lock() };
  expect(await pull({ bundle: image({ labels: IMGPKG, files }) })).toEqual([]);
  const none = { "dev.carvel.imgpkg.bundle": "false", note: "dev.carvel.imgpkg.bundle" };
  expect(await pull({ plain: image({ name: "plain", labels: none }) })).toEqual([]);
});

async function pull(images: Readonly<Record<string, ReturnType<typeof image>>>) {
  for (const [name, built] of Object.entries(images)) seed(source, `acme/${name}`, { v1: built });
  const wishes = Object.keys(images).flatMap((name) => [
    "--include-image",
    `${source.host}/acme/${name}:v1`,
  ]);
  const words = ["pull", directory.resolve("b"), ...wishes, "--json", "--force", "--no-cache"];
  const { status, stdout, stderr } = await runInProcess(words);
  expect(status, stderr).toBe(0);
  const { notices } = JSON.parse(stdout) as { notices: { code: string; message: string }[] };
  const told = notices.filter(({ code }) => code === "NAMED_IMAGES_LEFT_OUT");
  return told.map(({ message }) => message);
}

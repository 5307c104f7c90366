import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { routesOf } from "../../../src/bundle/images/routes.ts";
import { openBundle } from "../../../src/bundle/read/bundle-reader.ts";
import { formatReference } from "../../../src/oci/reference.ts";
import { image } from "../../support/artifacts.ts";
import { d8Layout, d8Package } from "../../support/d8-bundle.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const target = { registry: "registry.local", repository: "repo" };

test("routesOf() says where each image of a bundle lands, and which names are published", async () => {
  await using directory = await openTempDirectory();
  const same = image({ name: "same" });
  const tar = d8Package({
    "modules/foo": await d8Layout(
      [
        { artifact: same, tag: "v1.0.0" },
        { artifact: same, tag: "v1.0.1" },
      ],
      { generation: "new" },
    ),
    "modules/foo/release": await d8Layout(
      [{ artifact: image({ name: "release" }), tag: "v1.0.0" }],
      {
        generation: "new",
      },
    ),
  });
  await writeFile(directory.resolve("module-foo.tar"), tar);
  await using bundle = await openBundle(directory.path);
  const usual = await routesOf(bundle, { target });
  expect(usual.images).toMatchObject([
    { repository: "modules/foo", tags: ["v1.0.0", "v1.0.1"], kind: "image" },
    { repository: "modules/foo/release", tags: ["v1.0.0"], kind: "release-channel" },
  ]);
  const moved = await routesOf(bundle, { target, modulesPathSuffix: "/" });
  expect(moved.images.map((one) => formatReference(one.target))).toEqual([
    "registry.local/repo/foo",
    "registry.local/repo/foo/release",
  ]);
  expect(moved.discovery).toEqual([{ repository: target, tag: "foo" }]);
  expect(moved.images[0]?.root.digest).toBe(same.manifest.descriptor.digest);
});

/**
 * Many tags: what `plan` takes for a repository of 10,000, where each is an image of its own, where many stand for one, and
 * where signatures lie beside images of which the registry lists none (no referrers API: an index behind `sha256-<hex>`).
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describeImage, putBlob, putManifest } from "./support/content.mjs";
import { startRegistry } from "./support/docker-registry.mjs";

const TAGS = 10_000;
/** Requests at once while the registry is filled. */
const AT_ONCE = 16;
const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json" };
const INDEX = "application/vnd.oci.image.index.v1+json";
const SIGNATURE = "application/vnd.example.signature.v1";

/** Repositories, each with as many tags; `images`: how many manifests they stand for, `signed`: how many have a signature. */
const REPOSITORIES = [
  { name: "own", title: "one image each", images: TAGS, signed: 0 },
  { name: "shared", title: "100 images", images: TAGS / 100, signed: 0 },
  // Half of the tags are those of the images, half those of the lists of their signatures
  { name: "signed", title: "half of them list signatures", images: TAGS / 2, signed: TAGS / 2 },
];

/** `compare` runs commands in turn and prints medians, `mirror` runs one of them with words. */
export async function benchTags({ root, compare, mirror }) {
  const registry = await startRegistry(root, "tags", { counts: true });
  for (const { name, title, images, signed } of REPOSITORIES) {
    const repository = `bench/${name}`;
    await fill(registry, repository, { images, signed });
    const words = ["--include-image", `${registry.host}/${repository}@*`, "--no-cache"];
    await compare(
      `tags, ${title}`,
      [["mirror plan", () => mirror(["plan", join(root, "planned"), ...words])]],
      { source: registry },
    );
  }
  await registry.stop();
  rmSync(join(root, "tags"), { recursive: true, force: true });
}

async function fill({ host }, repository, { images, signed }) {
  const layer = await putBlob(host, repository, 1024, repository);
  const image = await describeImage(host, repository, [layer]);
  const empty = await putBlob(host, repository, 2, "empty");
  await inParallel(images, async (number) => {
    const own = { ...image, annotations: { "org.opencontainers.image.version": `1.0.${number}` } };
    const subject = await putManifest(host, repository, `v1.0.${number}`, own);
    for (let other = number + images; other < TAGS - signed; other += images) {
      await putManifest(host, repository, `v1.0.${other}`, own);
    }
    if (number < signed) await sign(host, repository, { subject, empty });
  });
}

/** A signature as clients leave it where there is no API. */
async function sign(host, repository, { subject, empty }) {
  const blob = { ...EMPTY, ...empty };
  const { mediaType } = subject;
  const signature = { mediaType, artifactType: SIGNATURE, config: blob, layers: [blob], subject };
  const listed = await putManifest(host, repository, undefined, signature);
  const list = { mediaType: INDEX, manifests: [{ ...listed, artifactType: SIGNATURE }] };
  await putManifest(host, repository, subject.digest.replace(":", "-"), list);
}

async function inParallel(count, act) {
  let next = 0;
  const work = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

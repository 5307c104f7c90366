import type { ExtraFile } from "../../../contents/contents.ts";
import { loadTextFormats, type TextFormats } from "../../../formats/text-formats.ts";
import { isChannel } from "../../../product/channel.ts";
import { CHANGELOG_FILE, VERSION_FILE } from "../../../product/file-names.ts";
import { PLATFORM_RELEASES } from "../../../product/layouts.ts";
import { parseVersion } from "../../../versions/tag-version.ts";
import { minorOf } from "../../../versions/version.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { sortTags } from "../../grammar/version-filter.ts";
import type { Root } from "../root.ts";
import { formatFound, type SourceReader } from "../source-reader.ts";

const FILE = "deckhousereleases.yaml";
const CHANGELOG_URL = "https://github.com/deckhouse/deckhouse/releases/tag";

/**
 * `deckhousereleases.yaml`: one document for each release that channels or a range led to, so that a cluster without a
 * way to the channels can be told of them by hand; a release that was named is published to the channels instead.
 * Nothing in it is needed to push: what cannot be read is left out, and said.
 */
export async function describeReleases(
  { platform, platforms }: SourceSelection,
  roots: readonly Root[],
  reader: SourceReader,
): Promise<ExtraFile[]> {
  if (platform.releases.kind === "tag") return [];
  const releases = new Map(
    roots
      .filter(
        ({ layout, packageKind }) => packageKind === "platform" && layout === PLATFORM_RELEASES,
      )
      .filter(({ reference }) => !isChannel(reference) && parseVersion(reference) !== undefined)
      .map((root) => [root.reference, root]),
  );
  if (releases.size === 0) return [];
  // Only few commands come here: the others start without it
  const { yaml } = await loadTextFormats();
  const documents = await Promise.all(
    sortTags([...releases.keys()]).map(async (tag) => {
      const root = releases.get(tag);
      if (root === undefined) return {};
      const { origin: repository, reference, manifest } = root;
      const image = { repository, reference, manifest };
      const names = [VERSION_FILE, CHANGELOG_FILE];
      const [files] = await reader.readFiles(image, { names, platforms });
      const parseFile = (name: string) =>
        readDocument(name, files?.get(name), { root, reader, yaml });
      return createDocument(tag, parseFile(VERSION_FILE), parseFile(CHANGELOG_FILE));
    }),
  );
  const text = documents.map((document) => `---\n${yaml.stringify(document)}`).join("");
  return [{ name: FILE, text }];
}

interface DocumentPlace {
  readonly root: Root;
  readonly reader: SourceReader;
  readonly yaml: TextFormats["yaml"];
}

/** JSON is YAML, so one parser reads both. */
function readDocument(name: string, bytes: Buffer | undefined, place: DocumentPlace): unknown {
  try {
    if (bytes === undefined) throw new Error("the image does not have it");
    return place.yaml.parse(bytes.toString("utf8"));
  } catch (error) {
    const image = formatFound(place.root.origin, place.root.reference);
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    const message = `${name} of "${image}" is left out of ${FILE}: ${reason}`;
    place.reader.notice("RELEASE_FILE_UNREADABLE", message);
    return undefined;
  }
}

function createDocument(tag: string, release: unknown, changelog: unknown) {
  const { requirements, disruptions } = asRecord(release);
  const version = parseVersion(tag);
  const minor = version ? minorOf(version) : "";
  return {
    apiVersion: "deckhouse.io/v1alpha1",
    kind: "DeckhouseRelease",
    metadata: { name: tag },
    spec: {
      version: tag,
      ...present("requirements", requirements),
      ...present("disruptions", asRecord(disruptions)[minor]),
      ...present("changelog", changelog),
      changelogLink: `${CHANGELOG_URL}/${tag}`,
    },
  };
}

function present(key: string, value: unknown): Record<string, unknown> {
  return value === undefined || value === null ? {} : { [key]: value };
}

function asRecord(value: unknown): Record<string, unknown> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : {};
}

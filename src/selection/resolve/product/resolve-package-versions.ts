import { formatReference, joinRepository } from "../../../oci/reference.ts";
import { isChannel } from "../../../product/channel.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { isModuleName } from "../../grammar/selector.ts";
import { findListed } from "../list-candidates.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";
import { allMatched } from "../unmatched.ts";
import type { Component } from "./component.ts";
import { PACKAGES } from "./family.ts";

/**
 * The release images of all packages, whichever packages are taken: what a cluster shows as available. Channels come
 * with the packages, because they must not point at a version that is not there.
 */
export const PACKAGE_VERSIONS: Component = {
  name: "packages",
  wishOf: ({ packages }) => (packages.versions ? "if-there" : "no"),
  placeOf: PACKAGES.catalogOf,
  probe: async (selection, reader) => {
    const tags = await reader.listTags(PACKAGES.catalogOf(selection));
    return tags !== undefined && tags.length > 0;
  },
  resolve: async (selection, reader) => {
    // without a list the component is skipped, and said: see `probe`
    const names = (await reader.listTags(PACKAGES.catalogOf(selection))) ?? [];
    const known = [...new Set(names)].filter(isModuleName).sort();
    const roots = await allMatched(known.map((name) => resolveVersions(name, selection, reader)));
    return roots.flat();
  },
};

async function resolveVersions(
  name: string,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<Root[]> {
  const origin = joinRepository(PACKAGES.catalogOf(selection), name, PACKAGES.releases);
  const path = `${PACKAGES.directory}/${name}/${PACKAGES.releases}`;
  const tags = await reader.listTags(origin);
  if (tags === undefined) {
    reader.notice(
      "TAG_LIST_MISSING",
      `There is no repository "${formatReference(origin)}": no versions of package "${name}" are shown`,
    );
    return [];
  }
  return allMatched(
    tags
      .filter((tag) => !isChannel(tag))
      .map(async (reference): Promise<Root> => {
        const { manifest } = await findListed(origin, reference, reader);
        return {
          packageName: "package-versions",
          packageKind: "package",
          layout: path,
          repository: path,
          tags: [reference],
          kind: "release-channel",
          origin,
          reference,
          manifest,
        };
      }),
  );
}

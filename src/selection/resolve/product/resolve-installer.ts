import { joinRepository } from "../../../oci/reference.ts";
import { bareRootOf, sharedPlacesOf } from "../../../product/edition-roots.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import type { FoundImage, SourceReader } from "../source-reader.ts";
import { imageUnmatched } from "../unmatched.ts";
import type { Component } from "./component.ts";

const REPOSITORY = "installer";
const DEFAULT_TAG = "latest";

/** The standalone installer, which all editions share. */
export const INSTALLER: Component = {
  name: "installer",
  wishOf: ({ installer }) => {
    if (!installer.enabled) return "no";
    return installer.tag === undefined ? "if-there" : "asked";
  },
  placeOf: ({ source }) => joinRepository(bareRootOf(source), REPOSITORY),
  probe: async (selection, reader) => (await findInstaller(selection, reader)) !== undefined,
  resolve: async (selection, reader) => {
    const found = await findInstaller(selection, reader);
    if (found === undefined) throw await installerUnmatched(selection, reader);
    return [
      {
        packageName: "installer",
        packageKind: "installer",
        layout: REPOSITORY,
        repository: REPOSITORY,
        tags: [found.reference],
        kind: "image",
        origin: found.repository,
        reference: found.reference,
        manifest: found.manifest,
      },
    ];
  },
};

async function findInstaller(
  { source, installer }: SourceSelection,
  reader: SourceReader,
): Promise<FoundImage | undefined> {
  const reference = installer.tag ?? DEFAULT_TAG;
  for (const place of sharedPlacesOf(source)) {
    const repository = joinRepository(place, REPOSITORY);
    const manifest = await reader.findManifest(repository, reference);
    if (manifest !== undefined) return { repository, reference, manifest };
  }
  return undefined;
}

async function installerUnmatched(selection: SourceSelection, reader: SourceReader) {
  const wanted = selection.installer.tag ?? DEFAULT_TAG;
  return imageUnmatched(INSTALLER.placeOf(selection), {
    reader,
    subject: `installer "${wanted}"`,
    reason: "the source does not have it",
    wanted,
  });
}

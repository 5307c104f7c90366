import { formatReference, joinRepository } from "../../../oci/reference.ts";
import { SECURITY_DIRECTORY } from "../../../product/layouts.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";
import type { Component } from "./component.ts";

/** Databases and the tag of the schema that scanners ask for. A source that lacks the first has none. */
const DATABASES = [
  { name: "trivy-db", tag: "2" },
  { name: "trivy-bdu", tag: "1" },
  { name: "trivy-java-db", tag: "1" },
  { name: "trivy-checks", tag: "0" },
] as const;

type Database = (typeof DATABASES)[number];

/** The databases of the vulnerability scanner: artifacts with media types of their own. */
export const SECURITY: Component = {
  name: "security databases",
  without: "noSecurityDb",
  wishOf: ({ security }) => (security.enabled ? "if-there" : "no"),
  placeOf: (selection) => repositoryOf(DATABASES[0], selection),
  probe: async (selection, reader) =>
    (await findDatabase(DATABASES[0], selection, reader)) !== undefined,
  resolve: async (selection, reader) => {
    const found = await Promise.all(
      DATABASES.map(async (database) => ({
        database,
        manifest: await findDatabase(database, selection, reader),
      })),
    );
    return found.flatMap(({ database, manifest }): Root[] => {
      const { name, tag } = database;
      const origin = repositoryOf(database, selection);
      if (manifest === undefined) {
        reader.notice(
          "SECURITY_DATABASE_MISSING",
          `Security database "${formatReference({ ...origin, tag })}" is skipped: the source does not have it`,
        );
        return [];
      }
      const path = `${SECURITY_DIRECTORY}/${name}`;
      return [
        {
          packageName: "security",
          packageKind: "security",
          layout: path,
          repository: path,
          tags: [tag],
          kind: "image",
          origin,
          reference: tag,
          manifest,
        },
      ];
    });
  },
};

function repositoryOf({ name }: Database, { source }: SourceSelection) {
  return joinRepository(source, SECURITY_DIRECTORY, name);
}

function findDatabase(database: Database, selection: SourceSelection, reader: SourceReader) {
  return reader.findManifest(repositoryOf(database, selection), database.tag);
}

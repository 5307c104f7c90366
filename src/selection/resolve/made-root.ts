import type { MadeArtifact } from "../../contents/contents.ts";
import type { Root } from "./root.ts";

/** The root of an artifact that is made here. */
export function madeRoot(
  place: Omit<Root, "manifest" | "made">,
  { descriptor, contents }: MadeArtifact,
): Root {
  const text = contents.find(({ digest }) => digest === descriptor.digest);
  if (text?.kind !== "text") throw new Error("An artifact has the text of its manifest");
  return { ...place, manifest: { descriptor, bytes: Buffer.from(text.text) }, made: contents };
}

import { isRepositoryName, type RepositoryReference } from "../oci/reference.ts";

/**
 * What a chart of a Helm repository is called among artifacts: `https://repo.example/charts` and `nginx` are
 * `repo.example/charts/nginx`, as images of a registry are called. What no repository path can have becomes a dash.
 */
export function chartPlaceOf(address: string, name: string): RepositoryReference {
  const { host, hostname, pathname, protocol } = new URL(address);
  // Without a dot or a port it would be read as the name of an image
  const isHost = /[.:]/.test(host) || hostname === "localhost";
  const registry = isHost ? host : `${host}:${protocol === "http:" ? 80 : 443}`;
  const parts = [...pathname.split("/"), name].map(toComponent).filter((part) => part !== "");
  return { registry, repository: parts.join("/") };
}

function toComponent(part: string): string {
  const lower = part.toLowerCase();
  if (isRepositoryName(lower)) return lower;
  return lower
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/(?:[._-]*-[._-]*|\.[._]+|_[._]*\.[._]*|_{3,})/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "");
}

import { isDigest } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { RegistryCall } from "./call.ts";
import {
  errorResponse,
  jsonResponse,
  type RegistryRequest,
  type RegistryResponse,
} from "./message.ts";

export function listTags({ content, repository, request }: RegistryCall): RegistryResponse {
  const found = content.repositories.get(repository);
  if (found === undefined) {
    return errorResponse(404, {
      code: "NAME_UNKNOWN",
      message: "repository is not known",
      detail: { name: repository },
    });
  }
  return pageResponse(request, found.tags.keys(), (tags) => ({ name: repository, tags }));
}

export function listRepositories({ content, request }: RegistryCall): RegistryResponse {
  return pageResponse(request, content.repositories.keys(), (repositories) => ({ repositories }));
}

/** GET of the manifests whose `subject` is the digest; empty for content that is not known. */
export function listReferrers(call: RegistryCall): RegistryResponse {
  const { content, reference, repository, request } = call;
  if (!isDigest(reference)) {
    return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
  }
  const wanted = request.query.get("artifactType");
  const stored = content.repositories.get(repository)?.manifests ?? new Map();
  const manifests = [...stored]
    .map(([digest, { bytes, mediaType }]) => describeReferrer(digest, bytes, mediaType))
    .filter(({ subject }) => subject === reference)
    .map(({ descriptor }) => descriptor)
    .filter(({ artifactType }) => wanted === null || artifactType === wanted);
  return jsonResponse(
    200,
    { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests },
    {
      "content-type": MEDIA_TYPE.imageIndex,
      ...(wanted === null ? {} : { "oci-filters-applied": "artifactType" }),
    },
  );
}

/** One page of names in the order of their code units: `n` names after `last`, and a link to the next page. */
function pageResponse(
  { path, query }: RegistryRequest,
  names: Iterable<string>,
  documentOf: (page: readonly string[]) => unknown,
): RegistryResponse {
  const n = query.get("n");
  if (n !== null && !/^\d+$/.test(n)) {
    return errorResponse(400, {
      code: "PAGINATION_NUMBER_INVALID",
      message: "n is not a whole number",
    });
  }
  const last = query.get("last") ?? "";
  const rest = [...names].sort(byCodeUnit).filter((name) => name > last);
  const page = n === null ? rest : rest.slice(0, Number(n));
  const end = page.at(-1);
  if (end === undefined || page.length === rest.length) return jsonResponse(200, documentOf(page));
  const next = new URLSearchParams({ n: String(n), last: end });
  return jsonResponse(200, documentOf(page), { link: `<${path}?${next}>; rel="next"` });
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

interface ReferrerDocument {
  readonly subject?: { readonly digest: string };
  readonly config?: { readonly mediaType: string };
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function describeReferrer(digest: string, bytes: Buffer, mediaType: string) {
  const document = JSON.parse(bytes.toString()) as ReferrerDocument;
  const artifactType = document.artifactType || document.config?.mediaType;
  const descriptor = {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  };
  return { subject: document.subject?.digest, descriptor };
}

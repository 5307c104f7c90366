import { compareTexts } from "../compare-texts.ts";
import { isDigest } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import {
  errorResponse,
  jsonResponse,
  type RegistryCall,
  type RegistryRequest,
  type RegistryResponse,
  unknownRepository,
} from "./message.ts";

export async function listTags(call: RegistryCall): Promise<RegistryResponse> {
  const { backend, name, repository, request } = call;
  const found = await backend.listTags(repository);
  if (found === undefined) return unknownRepository(name);
  return pageResponse(request, found, (tags) => ({ name, tags }));
}

export async function listRepositories(call: RegistryCall): Promise<RegistryResponse> {
  const found = await call.backend.listRepositories();
  return pageResponse(call.request, found, (repositories) => ({ repositories }));
}

/** GET of the manifests whose `subject` is the digest; empty for content that is not known. */
export async function listReferrers(call: RegistryCall): Promise<RegistryResponse> {
  const { backend, reference, repository, request } = call;
  if (!isDigest(reference)) {
    return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
  }
  const wanted = request.query.get("artifactType");
  const found = await backend.listReferrers(repository, reference);
  const manifests = found.filter(({ artifactType }) => wanted === null || artifactType === wanted);
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
  const rest = [...names].sort(compareTexts).filter((name) => name > last);
  const page = n === null ? rest : rest.slice(0, Number(n));
  const end = page.at(-1);
  if (end === undefined || page.length === rest.length) return jsonResponse(200, documentOf(page));
  const next = new URLSearchParams(query);
  next.set("n", String(n));
  next.set("last", end);
  return jsonResponse(200, documentOf(page), { link: `<${path}?${next}>; rel="next"` });
}

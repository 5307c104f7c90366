/** One way in which a registry differs from the specification or from its peers. */
export interface Quirk {
  readonly what: string;
  /** Where that is known from. `run`: by our own tests against it. */
  readonly source: string;
  /** The file of this folder that copes with it. */
  readonly code: string;
}

/** The part of `HostFacts` that a host can be known for. */
export interface KnownFacts {
  readonly monolithicOnly?: true;
  readonly refusesParts?: true;
  readonly partLimitBytes?: number;
  readonly partFloorBytes?: number;
  readonly hasLaggingRange?: true;
  readonly hasNoUploadStatus?: true;
}

/** What is known of one kind of registry. */
export interface RegistryQuirks {
  /** The name of its row in docs/registry-behavior.md, and of its profile in the tests. */
  readonly registry: string;
  /** Hosts, as in references, that are known to be one. Missing: anybody can run it, and it shows by what it does. */
  readonly hosts?: RegExp;
  /** Taken for granted before the first request. Whatever else there is to know is found out while working. */
  readonly facts?: KnownFacts;
  readonly quirks: readonly Quirk[];
}

const MIB = 1024 * 1024;

/**
 * To add a registry: a row here, a profile of the same name in `test/support/faults/profiles.ts`, a row in
 * docs/registry-behavior.md. A whole push and pull then go through the profile, and have to meet all its switches.
 * @internal
 */
export const REGISTRY_QUIRKS: readonly RegistryQuirks[] = [
  {
    registry: "distribution 2.8",
    quirks: [
      {
        what: "every Location holds the offset, so a part that breaks off loses the session",
        source: "run",
        code: "upload/upload-recovery.ts",
      },
      {
        what: "POST of a whole blob only opens an upload",
        source: "run",
        code: "upload/post-whole.ts",
      },
      { what: "no referrers API", source: "run", code: "content/referrers.ts" },
      { what: "the length of a 416 is that of the blob", source: "run", code: "response-error.ts" },
    ],
  },
  {
    registry: "distribution 3",
    quirks: [
      {
        what: "pages of tags of more than 1000 names are refused",
        source: "distribution 3.0 registry/handlers/tags.go",
        code: "content/tags.ts",
      },
      {
        what: "wrong offsets get 416 and the session survives",
        source: "distribution#3755",
        code: "upload/upload-plan.ts",
      },
      { what: "no referrers API", source: "reported of 3.1.2", code: "content/referrers.ts" },
      {
        what: "an index of blobs, as BuildKit's cache is one, is refused as one of unknown blobs",
        source: "run (3.1.2, without validation.manifests.indexes.platforms: none)",
        code: "content/manifest-refusal.ts",
      },
    ],
  },
  {
    registry: "distribution on S3",
    quirks: [
      {
        what: "parts that leave less than 5 MiB make it copy the blob",
        source: "distribution registry/storage/driver/s3-aws/s3.go",
        code: "host/host-facts.ts",
      },
      {
        what: "a large commit takes minutes, and its answer may be lost",
        source: "distribution registry/storage/driver/s3-aws/s3.go",
        code: "upload/upload-requests.ts",
      },
    ],
  },
  {
    registry: "zot",
    quirks: [
      {
        what: "a part that breaks off ends the session",
        source: "zot pkg/api/routes.go",
        code: "upload/upload-recovery.ts",
      },
      {
        what: "an empty upload reports 0--1",
        source: "zot#3983",
        code: "upload/upload-session.ts",
      },
      {
        what: "manifests of Docker's format get 415",
        source: "run (2.1, without compat docker2s2)",
        code: "response-hints.ts",
      },
    ],
  },
  {
    registry: "Quay",
    hosts: /^quay\.io$/,
    quirks: [
      {
        what: "ranges have a unit and an exclusive end, and a status has no Location",
        source: "quay endpoints/v2/blob.py",
        code: "upload/upload-session.ts",
      },
      {
        what: "429 without Retry-After",
        source: "containers/image#618",
        code: "transport/patience/retry.ts",
      },
      {
        what: "nested repositories are refused unless they are allowed, by the token server",
        source: "skopeo#1180",
        code: "response-hints.ts",
      },
    ],
  },
  {
    registry: "Harbor",
    quirks: [
      {
        what: "session cookies that come back are refused",
        source: "harbor#11682, harbor#14404",
        code: "transport/create-transport.ts",
      },
      {
        what: "a mount from a missing project gets 401",
        source: "go-containerregistry#1393, #1609",
        code: "upload/mount.ts",
      },
      {
        what: "behind a proxy that ends TLS the realm is plain HTTP",
        source: "harbor#3933, harbor#3114",
        code: "transport/own-url.ts",
      },
      {
        what: "no repository at the root of a project, and no project is made by a push",
        source: "harbor#22078, harbor#20544",
        code: "response-hints.ts",
      },
      {
        what: "its cache gave indexes of OCI the type of Docker's",
        source: "harbor#15837",
        code: "content/manifest-type.ts",
      },
    ],
  },
  {
    registry: "Amazon ECR",
    hosts: /\.amazonaws\.com(?:\.cn)?$|^public\.ecr\.aws$|\.on\.aws$/,
    facts: {
      partLimitBytes: 10 * MIB,
      partFloorBytes: 5 * MIB,
      hasLaggingRange: true,
      hasNoUploadStatus: true,
    },
    quirks: [
      {
        what: "201 for a part, and a Range that stays at the first one",
        source: "aws/containers-roadmap#2831",
        code: "upload/upload.ts",
      },
      {
        what: "no status of uploads",
        source: "dotnet/sdk#33019",
        code: "upload/upload-requests.ts",
      },
      {
        what: "an empty commit gets 500",
        source: "cirruslabs/tart#159",
        code: "upload/upload-plan.ts",
      },
      {
        what: "pages of tags of more than 1000 names are refused",
        source: "go-containerregistry#1091",
        code: "content/tags.ts",
      },
    ],
  },
  {
    registry: "Google GAR and GCR",
    hosts: /(?:^|\.)gcr\.io$|-docker\.pkg\.dev$/,
    facts: { monolithicOnly: true, refusesParts: true },
    quirks: [
      {
        what: "parts are not taken",
        source: "Artifact Registry documentation, dotnet/sdk-container-builds#287",
        code: "upload/upload-plan.ts",
      },
    ],
  },
  {
    registry: "GHCR",
    hosts: /^ghcr\.io$/,
    facts: { monolithicOnly: true, partLimitBytes: 4 * MIB },
    quirks: [
      {
        what: "parts over 4 MiB get 416; one request of any size is taken",
        source: "oras-project/rust-oci-client#35, #37",
        code: "upload/upload-plan.ts",
      },
      { what: "no referrers API", source: "NVIDIA/aicr#1957", code: "content/referrers.ts" },
    ],
  },
  {
    registry: "Azure ACR",
    hosts: /\.azurecr\.(?:io|cn|de|us)$/,
    facts: { partLimitBytes: 20 * MIB },
    quirks: [
      {
        what: "bodies need a length, and Content-Range has no unit",
        source: "harbor#23016",
        code: "upload/upload-requests.ts",
      },
      {
        what: "a reset ends the session",
        source: "azure-sdk-for-js#25448",
        code: "upload/upload-plan.ts",
      },
      {
        what: "429 for manifests",
        source: "containers/container-libs#42",
        code: "transport/patience/retry.ts",
      },
      {
        what: "424 while the upstream of its cache is away",
        source: "Azure/acr#892",
        code: "transport/patience/retry.ts",
      },
    ],
  },
  {
    registry: "Docker Hub",
    hosts: /^docker\.io$/,
    quirks: [
      {
        what: "the API is at registry-1.docker.io, and files have three names for it",
        source: "distribution/reference normalize.go",
        code: "transport/endpoint-scheme.ts",
      },
      {
        what: "a mount from a repository that is not visible fails with its token",
        source: "go-containerregistry#1679",
        code: "upload/mount.ts",
      },
      {
        what: "Retry-After as seconds since 1970",
        source: "docker/hub-feedback#2459",
        code: "transport/headers.ts",
      },
    ],
  },
  {
    registry: "Artifactory",
    quirks: [
      {
        what: "HEAD of a manifest has no digest and a general type",
        source: "deitch/docker_registry2#83",
        code: "content/manifests.ts",
      },
      {
        what: "Accept of manifests on other requests gets 406",
        source: "dotnet/sdk-container-builds#382",
        code: "content/manifests.ts",
      },
      {
        what: "POST to the token server gets 401",
        source: "containerd#3533",
        code: "auth/token-exchange.ts",
      },
      {
        what: "the folder of uploads is listed among the tags",
        source: "oras#1907",
        code: "content/tags.ts",
      },
    ],
  },
  {
    registry: "Nexus",
    quirks: [
      {
        what: "HEAD of a manifest gets 404 without a login",
        source: "crazy-max/diun#1614",
        code: "content/manifests.ts",
      },
      {
        what: "HEAD of a manifest that is not there gets 500",
        source: "nexus-public#1059",
        code: "content/manifests.ts",
      },
      {
        what: "no digest in the answer to a manifest",
        source: "distribution#3849",
        code: "content/manifests.ts",
      },
    ],
  },
  {
    registry: "GitLab",
    quirks: [
      {
        what: "only the first scope of a token request counts",
        source: "estesp/manifest-tool#53",
        code: "auth/scope.ts",
      },
      { what: "tags come in pages", source: "GitLab documentation", code: "content/pages.ts" },
      {
        what: "no manifest is taken whose subject is not there: it is called an unknown blob",
        source: "buildkit#7007",
        code: "../store/subjects-first.ts",
      },
    ],
  },
  {
    registry: "Aliyun ACR",
    quirks: [
      {
        what: "the Range of a part counts from the part",
        source: "regclient#627",
        code: "upload/upload.ts",
      },
      {
        what: "attestations of BuildKit are refused by their class",
        source: "koordinator#3194",
        code: "response-hints.ts",
      },
    ],
  },
  {
    registry: "Red Hat",
    hosts: /^registry\.access\.redhat\.com$/,
    quirks: [
      {
        what: "content is compressed on the way if that is accepted",
        source: "quay#1310",
        code: "transport/create-transport.ts",
      },
    ],
  },
  {
    registry: "crane registry serve",
    quirks: [
      {
        what: "ranges without an end get 416",
        source: "anchore/stereoscope#695",
        code: "content/blobs.ts",
      },
      {
        what: "the state of an upload cannot be read (400): what breaks off starts over",
        source: "reported by users",
        code: "upload/upload-requests.ts",
      },
      {
        what: "uploads cannot be cancelled, blobs not deleted",
        source: "reported by users",
        code: "doctor/leftovers.ts",
      },
      {
        what: "a blob with a sha512 digest is answered with 201 and is not there",
        source: "reported by users",
        code: "content/blobs.ts",
      },
      {
        what: "a mount of a blob that is there gets 202",
        source: "run: crane 0.20.6",
        code: "upload/ask-for-blob.ts",
      },
    ],
  },
  {
    registry: "olareg",
    quirks: [
      {
        what: "sessions survive a part that breaks off; the referrers API is there",
        source: "reported by users",
        code: "upload/upload-recovery.ts",
      },
    ],
  },
  {
    registry: "Pulp",
    quirks: [
      {
        what: "every page of tags needs the scope of the first",
        source: "pulp_container#2049",
        code: "content/pages.ts",
      },
    ],
  },
  {
    registry: "a front end with a limit",
    quirks: [
      {
        what: "413 for bodies over a limit of its own",
        source: "nginx client_max_body_size; run",
        code: "upload/upload-plan.ts",
      },
      {
        what: "or connections that are cut in the middle of them",
        source: "Cloudflare documentation, 100 MB",
        code: "upload/upload-plan.ts",
      },
    ],
  },
];

/** The row of a registry that is known by its host. */
export function findQuirks(registry: string): RegistryQuirks | undefined {
  return REGISTRY_QUIRKS.find(({ hosts }) => hosts?.test(registry));
}

import { compareTexts } from "../compare-texts.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { StaticTree } from "./plan-static.ts";

/** What is answered for a manifest to which nothing belongs. */
const EMPTY_INDEX = JSON.stringify({
  schemaVersion: 2,
  mediaType: MEDIA_TYPE.imageIndex,
  manifests: [],
});

/** The part that the two servers have in common: everything in it is checked names and digests, nothing has to be quoted. */
function tablesOf({ repositories, namespaces }: StaticTree) {
  const types = new Map<string, string>();
  for (const { manifests } of repositories) {
    for (const { digest, mediaType } of manifests) types.set(digest, mediaType);
  }
  return {
    tags: repositories.flatMap(({ path, tags }) =>
      tags.map(({ tag, digest }) => [`/v2/${path}/manifests/${tag}`, digest] as const),
    ),
    types: [...types].sort(([left], [right]) => compareTexts(left, right)),
    namespaces,
  };
}

/** All that stands outside of the server itself; for who has an nginx, `nginx-registry.conf` is enough. */
export function renderNginxMain(): string {
  return `# nginx -p DIRECTORY -c nginx.conf, where DIRECTORY is the one that this file is in
daemon off;
error_log stderr;
pid nginx.pid;
events {
}
http {
    access_log off;
    sendfile on;
    client_body_temp_path temp/client;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    map_hash_bucket_size 512;
    map_hash_max_size 131072;
    include nginx-registry.conf;
}
`;
}

/** nginx 1.18 and newer. */
export function renderNginxRegistry(tree: StaticTree): string {
  const { tags, types, namespaces } = tablesOf(tree);
  return `# A registry of files. In an nginx that runs already, this file belongs into its http block, below
#     map_hash_bucket_size 512;
#     map_hash_max_size 131072;
# with the root below written out.
map $uri $mirror_digest {
    default "";
    "~^/v2/.+/(?:manifests|blobs)/(?<mirror_hex>sha256:[0-9a-f]+)$" $mirror_hex;
${tellingCaseApart(tags)
  .map(([path, digest]) => `    "${path}" "${digest}";\n`)
  .join("")}}
map $mirror_digest $mirror_manifest {
    default "${MEDIA_TYPE.octetStream}";
${types.map(([digest, type]) => `    "${digest}" "${type}";\n`).join("")}}
map $uri $mirror_type {
    default $mirror_manifest;
    "~/tags/list$" "application/json";
    "~/referrers/sha256:[0-9a-f]+$" "${MEDIA_TYPE.imageIndex}";
}
# Which registry is meant: by ns, as containerd says it; by the path; else Docker Hub
map $arg_ns $mirror_namespace {
    default "/-";
    "" "";
${namespaces
  .flatMap(({ name, directory }) =>
    [...new Set([name, encodeURIComponent(name)])].map(
      (text) => `    "${text}" "/${directory}";\n`,
    ),
  )
  .join("")}}
map "$mirror_namespace $uri" $mirror_other {
    default "/-";
    "~^ /v2(?<mirror_path>/.+)$" "/docker.io$mirror_path";
    "~^(?<mirror_host>/[^ ]+) /v2(?<mirror_whole>\\k<mirror_host>/.+)$" "$mirror_whole";
}
map $request_uri $mirror_unknown {
    default NAME_UNKNOWN;
    ~/manifests/ MANIFEST_UNKNOWN;
    ~/blobs/ BLOB_UNKNOWN;
}
server {
    listen 5000;
    root .;
    types {
    }
    default_type "";
    add_header Content-Type $mirror_type;
    add_header Docker-Content-Digest $mirror_digest;
    add_header Docker-Distribution-Api-Version registry/2.0;
    add_header X-Content-Type-Options nosniff;
    error_page 404 @mirror_missing;
    error_page 405 @mirror_read_only;
    if ($request_method !~ ^(?:GET|HEAD)$) {
        return 405;
    }
    location ~ ^/v2/?$ {
        default_type application/json;
        add_header Docker-Distribution-Api-Version registry/2.0;
        return 200 "{}";
    }
    location ~ ^/v2(?<mirror_rest>/.+/referrers/sha256:[0-9a-f]+)$ {
        try_files /v2$mirror_namespace$mirror_rest /v2$mirror_other @mirror_no_referrers;
    }
    location ~ ^/v2(?<mirror_rest>/.+/(?:manifests/[^/]+|blobs/sha256:[0-9a-f]+|tags/list))$ {
        try_files /v2$mirror_namespace$mirror_rest /v2$mirror_other =404;
    }
    location / {
        return 404;
    }
    location @mirror_no_referrers {
        default_type ${MEDIA_TYPE.imageIndex};
        add_header Docker-Distribution-Api-Version registry/2.0;
        return 200 '${EMPTY_INDEX}';
    }
    location @mirror_missing {
        default_type application/json;
        add_header Docker-Distribution-Api-Version registry/2.0;
        return 404 '{"errors":[{"code":"$mirror_unknown","message":"it is not here"}]}';
    }
    location @mirror_read_only {
        default_type application/json;
        return 405 '{"errors":[{"code":"UNSUPPORTED","message":"this registry only reads"}]}';
    }
}
`;
}

type TagRow = readonly [path: string, digest: string];

/** nginx compares the texts of a map in lower case: of two that differ in nothing else it says that they are in conflict. */
function tellingCaseApart(tags: readonly TagRow[]): readonly TagRow[] {
  const times = new Map<string, number>();
  for (const [path] of tags) {
    const folded = path.toLowerCase();
    times.set(folded, (times.get(folded) ?? 0) + 1);
  }
  return tags.map(([path, digest]) => {
    const isAlone = times.get(path.toLowerCase()) === 1;
    return [isAlone ? path : `~^${escaped(path)}$`, digest];
  });
}

/** For Caddy 2.6 and newer. */
export function renderCaddy(tree: StaticTree): string {
  const { tags, types, namespaces } = tablesOf(tree);
  return `# For caddy run, in the directory that this file is in
{
	admin off
	auto_https off
}
:5000 {
	root * .
	map {query.ns} {mirror_namespace} {
		"" ""
${namespaces.map(({ name, directory }) => `\t\t"${name}" "/${directory}"\n`).join("")}		default "/-"
	}
	@writes not method GET HEAD
	@version path /v2 /v2/
	route {
		respond @writes \`{"errors":[{"code":"UNSUPPORTED","message":"this registry only reads"}]}\` 405
		header Docker-Distribution-Api-Version registry/2.0
		header X-Content-Type-Options nosniff
		handle @version {
			header Content-Type application/json
			respond \`{}\` 200
		}
		@api path_regexp api ^/v2(/.+/(?:manifests/[^/]+|blobs/sha256:[0-9a-f]+|referrers/sha256:[0-9a-f]+|tags/list))$
		handle @api {
			map "{mirror_namespace} {re.api.1}" {mirror_other} {
				~^[[:space:]](/.+)$ "/docker.io\${1}"
${namespaces.map(({ directory }) => `\t\t\t\t~^/${escaped(directory)}[[:space:]](/${escaped(directory)}/.+)$ "\${1}"\n`).join("")}				default "/-"
			}
			@named file /v2{mirror_namespace}{re.api.1}
			@other {
				not file /v2{mirror_namespace}{re.api.1}
				file /v2{mirror_other}
			}
			@neither {
				not file /v2{mirror_namespace}{re.api.1}
				not file /v2{mirror_other}
			}
			rewrite @neither /-{path}
			rewrite @named /v2{mirror_namespace}{re.api.1}
			rewrite @other /v2{mirror_other}
			map {path} {mirror_digest} {
				~^/v2/.+/(?:manifests|blobs)/(sha256:[0-9a-f]+)$ "\${1}"
${tags.map(([path, digest]) => `\t\t\t\t"${path}" "${digest}"\n`).join("")}				default ""
			}
			map {mirror_digest} {mirror_manifest} {
${types.map(([digest, type]) => `\t\t\t\t"${digest}" "${type}"\n`).join("")}				default "${MEDIA_TYPE.octetStream}"
			}
			map {path} {mirror_type} {
				~/tags/list$ "application/json"
				~/referrers/sha256:[0-9a-f]+$ "${MEDIA_TYPE.imageIndex}"
				default "{mirror_manifest}"
			}
			@there file
			handle @there {
				header Content-Type {mirror_type}
				@digest expression \`{mirror_digest} != ""\`
				header @digest Docker-Content-Digest {mirror_digest}
				file_server
			}
			@referrers path_regexp /referrers/sha256:[0-9a-f]+$
			handle @referrers {
				header Content-Type ${MEDIA_TYPE.imageIndex}
				respond \`${EMPTY_INDEX}\` 200
			}
		}
		header Content-Type application/json
		respond \`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"it is not here"}]}\` 404
	}
}
`;
}

function escaped(path: string): string {
  return path.replaceAll(".", "\\.");
}

import type { RegistryRequest, RegistryResponse } from "../server/message.ts";
import type { CacheUsage } from "./cache-usage.ts";
import { describeHealth, describeUsage } from "./page-upstreams.ts";
import type { OpenedBundle } from "./served-repository.ts";
import type { UpstreamHealth } from "./upstream/upstream.ts";

/** Rows that a browser shows without effort. */
const ROW_LIMIT = 1000;

export interface PageOptions {
  readonly bundles: readonly OpenedBundle[];
  /** Directories of registries as files. */
  readonly trees: readonly string[];
  /** Registries that are served through a cache. */
  readonly upstreams: ReadonlyMap<string, () => UpstreamHealth>;
  readonly usageNow: () => CacheUsage;
  /** The namespace that can be pushed to. */
  readonly writable?: string | undefined;
  readonly scheme: string;
}

/** `/`: what is served, from where, and how to pull it. Without scripts, and without anything from elsewhere. */
export function createPage(options: PageOptions) {
  const { bundles, scheme, trees, upstreams, writable } = options;
  const places = [
    ...bundles.map(({ path }) => `<code>${escapeHtml(path)}</code>`),
    ...trees.map((tree) => `<code>${escapeHtml(tree)}</code> (whose tags are not listed here)`),
    ...[...upstreams.keys()].map(
      (name) => `${escapeHtml(name)} (what is asked for, through a cache)`,
    ),
    ...(writable === undefined ? [] : [`${escapeHtml(writable)} (what was pushed)`]),
  ];
  const rows = bundles.flatMap(({ path, store }) =>
    store.images.map(({ origin, repository, tag, root }) => ({
      bundle: path,
      digest: root.digest,
      path: origin ? `${origin.registry.replace(":", "-")}/${origin.repository}` : repository,
      name: origin ? `${origin.registry}/${origin.repository}:${tag}` : `${repository}:${tag}`,
      tag,
    })),
  );
  return (request: RegistryRequest, host: string): RegistryResponse => {
    const shown = rows.slice(0, ROW_LIMIT);
    const more = rows.length - shown.length;
    const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mirror serve</title>
<meta name="viewport" content="width=device-width">
<style>body{font:16px system-ui;margin:2em}td,th{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}code{font-size:.9em;overflow-wrap:anywhere}pre{overflow-x:auto}@media(max-width:60em){td{display:block}th{display:none}}</style>
<h1>${rows.length} tags at ${escapeHtml(host)}</h1>
<p>From ${places.join(", ")}. ${renderPush(writable, host)}</p>
${renderUpstreams(options)}<details><summary>As a mirror for clients</summary>
${renderClients(`${scheme}://${host}`, host)}
</details>
<table><tr><th>image<th>pull<th>bundle</tr>
${shown.map((row) => renderRow(row, { host, scheme })).join("\n")}
</table>${more > 0 ? `<p>And ${more} more.</p>` : ""}</html>
`;
    return htmlResponse(request, html);
  };
}

interface Row {
  readonly bundle: string;
  readonly digest: string;
  readonly name: string;
  /** Path of the repository here. */
  readonly path: string;
  readonly tag: string;
}

function renderRow(
  { bundle, digest, name, path, tag }: Row,
  { host, scheme }: { readonly host: string; readonly scheme: string },
): string {
  const here = `${host}/${path}:${tag}`;
  const plain = scheme === "http";
  const commands = [
    `docker pull ${here}`,
    `podman pull ${plain ? "--tls-verify=false " : ""}${here}`,
    `ctr images pull ${plain ? "--plain-http " : ""}${here}`,
  ];
  const pull = commands.map((command) => `<code>${escapeHtml(command)}</code>`).join("<br>");
  return `<tr><td>${escapeHtml(name)}<br><code>${escapeHtml(digest)}</code><td>${pull}<td>${escapeHtml(bundle)}</tr>`;
}

function renderUpstreams({ upstreams, usageNow }: PageOptions): string {
  if (upstreams.size === 0) return "";
  const healths = [...upstreams].map(
    ([name, healthNow]) => `<li>${escapeHtml(name)}: ${describeHealth(healthNow())}`,
  );
  return `<p>From the cache: ${describeUsage(usageNow())}. Upstreams:</p>
<ul>${healths.join("")}</ul>
`;
}

function renderPush(writable: string | undefined, host: string): string {
  if (writable === undefined) return "Read-only.";
  const command = `docker push ${host}/${writable}/IMAGE:TAG`;
  return `Push with <code>${escapeHtml(command)}</code>; all else is read-only.`;
}

/** What makes clients ask here; `mirror client-config` writes more of it. */
function renderClients(url: string, host: string): string {
  const insecure = url.startsWith("http:") ? "\ninsecure = true" : "";
  const files = [
    [
      "containerd: /etc/containerd/certs.d/REGISTRY/hosts.toml",
      `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]`,
    ],
    [
      "podman, buildah, skopeo, CRI-O: /etc/containers/registries.conf.d/50-mirror.conf",
      `[[registry]]\nlocation = "REGISTRY"\nblocked = true\n\n[[registry.mirror]]\nlocation = "${host}/REGISTRY"${insecure}`,
    ],
    [
      "Docker, for Docker Hub: /etc/docker/daemon.json, and --default-namespace docker.io here",
      `{ "registry-mirrors": ["${url}"] }`,
    ],
  ] as const;
  return files
    .map(([name, text]) => `<h2>${escapeHtml(name)}</h2>\n<pre>${escapeHtml(text)}</pre>`)
    .join("\n");
}

function htmlResponse({ method }: RegistryRequest, html: string): RegistryResponse {
  const body = Buffer.from(html);
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-length": String(body.length),
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
  };
  return { status: 200, headers, ...(method === "HEAD" ? {} : { body }) };
}

/** Names come from bundles, and the host from whoever asks: nothing of it is markup. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

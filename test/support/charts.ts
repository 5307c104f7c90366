import { type LayerFiles, layerTar, storedGzip } from "../../src/demo/layer-archive.ts";
import { digestOf } from "../../src/oci/digest.ts";
import {
  type SeenRequest,
  send,
  startServer,
  type TestServer,
} from "../registry/support/server.ts";

export interface ChartOptions {
  readonly name?: string;
  readonly version?: string;
  /** Lines of `Chart.yaml` behind its name and version. */
  readonly chart?: string;
  readonly values?: string;
  /** Other files, by their path in the chart. */
  readonly files?: LayerFiles;
}

/** The archive of a chart, as `helm package` makes it; the same chart always has the same bytes. */
export function chartArchive({
  name = "nginx",
  version = "1.2.3",
  chart = "",
  values = "",
  files = {},
}: ChartOptions = {}): Buffer {
  const own: LayerFiles = {
    "Chart.yaml": `apiVersion: v2\nname: ${name}\nversion: ${version}\n${chart}`,
    "values.yaml": values,
    "templates/config.yaml": "kind: ConfigMap\n",
    ...files,
  };
  const below = Object.entries(own).map(([path, text]) => [`${name}/${path}`, text]);
  return storedGzip(layerTar(Object.fromEntries(below)));
}

export interface ChartServer extends TestServer {
  /** Files by their path; may be changed at any time. */
  readonly files: Map<string, string | Buffer>;
  /** `GET /charts/index.yaml 200`, and so on. */
  readonly answers: string[];
  /** Asks for this user before it gives anything. */
  login: string | undefined;
}

/** A web server with files, which knows their versions as such servers do. */
export async function startChartServer(
  files: Readonly<Record<string, string | Buffer>> = {},
): Promise<ChartServer> {
  const held = new Map(Object.entries(files));
  const answers: string[] = [];
  const state: { login: string | undefined } = { login: undefined };
  const server = await startServer((request, response) => {
    const { status, headers, body } = answerTo(request, held, state.login);
    answers.push(`${request.method} ${request.url} ${status}`);
    send(response, status, headers, body);
  });
  return {
    ...server,
    files: held,
    answers,
    get connections() {
      return server.connections;
    },
    get login() {
      return state.login;
    },
    set login(login: string | undefined) {
      state.login = login;
    },
  };
}

function answerTo(
  { url, headers }: SeenRequest,
  files: ReadonlyMap<string, string | Buffer>,
  login: string | undefined,
) {
  const wanted = login && `Basic ${Buffer.from(login).toString("base64")}`;
  if (wanted !== undefined && headers.authorization !== wanted) {
    return { status: 401, headers: { "www-authenticate": 'Basic realm="charts"' }, body: "" };
  }
  const body = files.get(url);
  if (body === undefined) return { status: 404, headers: {}, body: "no such file" };
  const etag = `"${digestOf(body).slice(7, 23)}"`;
  const isKnown = headers["if-none-match"] === etag;
  return { status: isKnown ? 304 : 200, headers: { etag }, body: isKnown ? "" : body };
}

/** An `index.yaml` of archives, as `helm repo index` writes it. */
export function chartIndex(charts: readonly IndexedChart[]): string {
  const names = [...new Set(charts.map(({ name }) => name))];
  const entries = names.flatMap((name) => [
    `  ${name}:`,
    ...charts.filter((chart) => chart.name === name).flatMap(entryLines),
  ]);
  return ["apiVersion: v1", "entries:", ...entries, 'generated: "2026-01-01T00:00:00Z"', ""].join(
    "\n",
  );
}

export interface IndexedChart {
  readonly name: string;
  readonly version: string;
  readonly archive: Buffer;
  /** Default: the archive beside the index. */
  readonly urls?: readonly string[];
  /** Further lines of the entry. */
  readonly lines?: readonly string[];
}

function entryLines({ name, version, archive, urls, lines = [] }: IndexedChart): string[] {
  return [
    "  - apiVersion: v2",
    `    name: ${name}`,
    `    version: ${version}`,
    `    digest: ${digestOf(archive).slice(7)}`,
    ...lines.map((line) => `    ${line}`),
    "    urls:",
    ...(urls ?? [`${name}-${version}.tgz`]).map((url) => `    - ${url}`),
  ];
}

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./daemon.mjs";
import { freePort } from "./free-port.mjs";

/**
 * Debian's docker-registry on a free port of loopback, with storage of its own, which begins empty and is deleted when it
 * is stopped. `proxyOf` makes it a cache of another one, `counts` makes it count, `onRequest` is told of every request that it was asked.
 */
export async function startRegistry(
  root,
  name,
  { counts, onRequest, proxyOf, storageOf, tls } = {},
) {
  const storage = storageOf ?? join(root, name);
  if (!storageOf) rmSync(storage, { recursive: true, force: true });
  mkdirSync(storage, { recursive: true });
  const metrics = `127.0.0.1:${await freePort()}`;
  const debug = counts ? `, debug: {addr: "${metrics}", prometheus: {enabled: true}}` : "";
  const config = join(root, `${name}.yml`);
  const lines = [
    "version: 0.1",
    `log: {level: info, accesslog: {disabled: ${onRequest === undefined}}}`,
    `storage: {filesystem: {rootdirectory: "${storage}"}}`,
    `http: {addr: "127.0.0.1:0", secret: bench${debug}${tls ? `, tls: {certificate: "${tls.cert}", key: "${tls.key}"}` : ""}}`,
    ...(proxyOf ? [`proxy: {remoteurl: "http://${proxyOf}"}`] : []),
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const daemon = await startDaemon("docker-registry", ["serve", config], {
    ready: /listening on 127\.0\.0\.1:(\d+)/,
    onLine: (line) => {
      const request = /"((?:GET|HEAD|POST|PUT|PATCH) \S+) HTTP/.exec(line);
      if (request) onRequest?.(request[1]);
    },
  });
  return {
    ...daemon,
    host: `127.0.0.1:${daemon.found[1]}`,
    storage,
    /** What it has counted, if it does: requests, and bytes both ways. */
    counters: async () => {
      const text = await (await fetch(`http://${metrics}/metrics`)).text();
      return {
        requests: sumOf(text, /^registry_http_requests_total\{.*\} (\S+)$/gm),
        bytes: sumOf(text, /^registry_http_(?:request|response)_size_bytes_sum\{.*\} (\S+)$/gm),
      };
    },
    async stop() {
      await daemon.stop();
      if (!storageOf) rmSync(storage, { recursive: true, force: true });
    },
  };
}

function sumOf(text, pattern) {
  return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
}

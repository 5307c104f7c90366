import { connect } from "node:net";
import { findProgram, print } from "../support/programs.mjs";
import { startMirror, startNginx, startStored } from "./servers.mjs";

const CLIENTS = 1000;
/** Each has taken so much when it stops to read for a while, as clients do that write to a slow disk. */
const TAKEN_BYTES = 1024 * 1024;

/** What a server holds for a thousand clients that are all in the midst of the same large blob. */
export async function benchClients({ root, bundles, image, storage }) {
  const servers = [
    ["mirror serve, chunks of 100 MB", () => startMirror([bundles.chunked])],
    ["docker-registry", () => startStored(root, storage)],
    ...(findProgram("nginx") ? [["nginx, sendfile", () => startNginx(root, storage)]] : []),
  ];
  for (const [label, start] of servers) {
    const server = await start();
    const { residentKib: before } = server.memory();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => takeSome(server, image)),
    );
    const { residentKib, peakKib } = server.memory();
    for (const client of clients) client.destroy();
    await server.stop();
    const each = Math.round((residentKib - before) / CLIENTS);
    const figures = `${mib(before)} MiB alone, ${mib(residentKib)} MiB with them (${each} KiB each), peak ${mib(peakKib)} MiB`;
    print(`serve, ${CLIENTS} clients: ${label.padEnd(31)} ${figures}`);
  }
}

function mib(kib) {
  return Math.round(kib / 1024);
}

/** Resolves with the connection when so much has come over it; from then on nothing more is taken. */
function takeSome({ host }, image) {
  const [registry] = image.name.split("/");
  const [address, port] = host.split(":");
  const [{ digest }] = image.layers;
  const path = `/v2/${image.repository}/blobs/${digest}?ns=${registry}`;
  return new Promise((resolve, reject) => {
    const client = connect(Number(port), address, () => {
      client.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    });
    let taken = 0;
    client.on("data", (chunk) => {
      if (taken === 0 && !/^HTTP\/1\.1 200/.test(chunk.toString("latin1", 0, 12))) {
        reject(new Error(`${path}: ${chunk.toString("latin1", 0, 100)}`));
      }
      taken += chunk.length;
      if (taken < TAKEN_BYTES) return;
      client.pause();
      resolve(client);
    });
    client.on("error", reject);
  });
}

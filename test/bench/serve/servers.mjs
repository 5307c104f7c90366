import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../support/daemon.mjs";
import { startRegistry } from "../support/docker-registry.mjs";
import { freePort } from "../support/free-port.mjs";
import { findProgram, MAIN } from "../support/programs.mjs";

/** A certificate for `127.0.0.1`, as every server of a comparison has it. */
export function makeCertificate(root) {
  const [cert, key] = [join(root, "tls.crt"), join(root, "tls.key")];
  if (existsSync(cert)) return { cert, key };
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", key, "-out", cert],
    ],
    { stdio: "ignore" },
  );
  return { cert, key };
}

/** `mirror serve`; `base` is where blobs of a repository with a name of its own are found. */
export async function startMirror(args, { tls } = {}) {
  const secured = tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key] : [];
  const daemon = await startDaemon(
    process.execPath,
    [MAIN, "serve", ...args, ...secured, "--listen", "127.0.0.1:0"],
    { ready: /"port":(\d+)/ },
  );
  return { ...daemon, host: `127.0.0.1:${daemon.found[1]}` };
}

/** nginx with the files of a docker-registry, which it sends by `sendfile`: as fast as this machine can serve them. */
export async function startNginx(root, storage, { tls } = {}) {
  const directory = join(root, "nginx");
  mkdirSync(directory, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join(" ");
  const port = await freePort();
  const secured = tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : "";
  const path = join(directory, "nginx.conf");
  writeFileSync(
    path,
    `user root; daemon off; master_process off; pid ${directory}/pid; error_log stderr notice;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary}
server { listen 127.0.0.1:${port}${tls ? " ssl" : ""}; ${secured}
location ~ "^/v2/.+/blobs/sha256:(..)(.+)$" { root ${storage}; try_files /docker/registry/v2/blobs/sha256/$1/$1$2/data =404; } } }`,
  );
  const daemon = await startDaemon(findProgram("nginx"), ["-e", "stderr", "-c", path], {
    ready: /getrlimit/,
  });
  return { ...daemon, host: `127.0.0.1:${port}` };
}

/** docker-registry with the files of another one that has stopped. */
export function startStored(root, storage, { tls } = {}) {
  return startRegistry(root, "stored", { storageOf: storage, tls });
}

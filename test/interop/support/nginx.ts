import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { startProcess } from "../../support/run-process.ts";
import { findTool } from "../../support/tool.ts";

/** A running nginx at `127.0.0.1:port`. */
export interface Nginx extends AsyncDisposable {
  readonly host: string;
}

/** Starts nginx with its files in a directory; `server` is what stands in the block of its only server. */
export async function startNginx(directory: string, server: string): Promise<Nginx> {
  const port = await freePort();
  await mkdir(directory, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join(" ");
  const path = join(directory, "nginx.conf");
  await writeFile(
    path,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr notice; events {}
http { access_log off; ${temporary}
server { listen 127.0.0.1:${port}; ${server} } }`,
  );
  const running = await startProcess(findTool("nginx") ?? "nginx", ["-e", "stderr", "-c", path]);
  await running.waitFor(/getrlimit/);
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

/** Everything of the distribution API goes to a registry. */
export function proxyTo(upstream: string): string {
  return `location /v2/ { proxy_pass http://${upstream}; proxy_set_header Host $http_host; }`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { createRegistryHandler, type RegistryHandlerOptions } from "./handler.ts";
import { listenHttp } from "./listen.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { RegistryContent } from "./memory-content.ts";
import type { RegistryHandler, RegistryMiddleware } from "./message.ts";

export interface EmbeddedRegistryOptions extends Pick<RegistryHandlerOptions, "sparseIndexes"> {
  /** Sits between the connection and the registry. */
  readonly middleware?: RegistryMiddleware | undefined;
  /** What the registry holds at first; default nothing. Stays usable after the registry is closed. */
  readonly content?: RegistryContent | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** A registry in this process, in memory, on plain HTTP at a loopback address. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly content: RegistryContent;
  readonly repositories: RegistryContent["repositories"];
  /** Cuts all connections. */
  close(): Promise<void>;
}

export async function openEmbeddedRegistry(
  options: EmbeddedRegistryOptions = {},
): Promise<EmbeddedRegistry> {
  const { content = new RegistryContent(), middleware, port = 0 } = options;
  const backend = createMemoryBackend(content);
  const handler = createRegistryHandler(backend, { ...options, writer: backend });
  const answer: RegistryHandler = middleware ? (request) => middleware(request, handler) : handler;
  const listener = await listenHttp({ handler: answer, address: "127.0.0.1", port });
  return {
    host: `127.0.0.1:${listener.port}`,
    content,
    repositories: content.repositories,
    close: () => listener.close(),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

import type { ClientDocuments, PlainObject } from "../client-document.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { serveWordsOf } from "../serve-command.ts";

export const COMPOSE: Runtime = {
  name: "compose",
  describe: "Docker Compose: one container that serves bundles and caches upstreams",
  directory: "/etc/mirror",
  forms: ["ns"],
  takesWildcard: true,
  plan: planCompose,
};

/** Also true while a login is demanded: the registry answers. */
const PROBE =
  'fetch("http://127.0.0.1:5000/v2/").then(({status})=>{if(status!==200&&status!==401)throw status})';

function planCompose({ options }: RuntimeRequest): ClientDocuments {
  const { serve } = options;
  const hasCache = serve.upstreams.length > 0;
  const service: PlainObject = {
    image: serve.image,
    command: serveWordsOf(serve, {
      bundleOf: (index) => `/bundles/${index}`,
      cache: "/cache",
      listen: "0.0.0.0:5000",
    }),
    ports: [`${serve.port}:5000`],
    volumes: [
      ...serve.bundles.map((source, index) => ({
        type: "bind",
        source,
        target: `/bundles/${index}`,
        read_only: true,
      })),
      ...(hasCache ? [{ type: "volume", source: "cache", target: "/cache" }] : []),
    ],
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    restart: "unless-stopped",
    healthcheck: {
      test: ["CMD", "node", "-e", PROBE],
      interval: "10s",
      timeout: "3s",
      start_period: "5s",
      retries: 3,
    },
  };
  return {
    documents: [
      {
        path: "compose.yaml",
        content: {
          format: "yaml",
          values: [
            {
              name: "mirror",
              services: { mirror: service },
              ...(hasCache ? { volumes: { cache: {} } } : {}),
            },
          ],
        },
        applies: "with docker compose up -d",
        validFor: "Docker Compose 2 and newer, podman-compose 1.0 and newer",
      },
    ],
    steps: [
      `Build or load the image ${serve.image} first`,
      "Never give the container the name of an upstream: its own network would answer for it",
    ],
  };
}

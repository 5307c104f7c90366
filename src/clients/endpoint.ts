import { hostLabelOf } from "../oci/namespace.ts";
import { targetHostOf } from "../oci/target-path.ts";
import type { ClientRoutes, RouteForm } from "./client-routes.ts";

/** Where images of one namespace are asked for. */
export interface Endpoint {
  /** `host[:port]` that is connected to: the key of credentials and certificates. */
  readonly host: string;
  /** For clients of containerd's resolver; they put `/v2` behind it unless `isLiteral`. */
  readonly url: string;
  readonly isLiteral: boolean;
  /** `host[:port][/path]` that the rest of the name is put behind (registries.conf, OpenShift, BuildKit). */
  readonly location: string;
}

/** Pure: the address for one namespace in the given form. */
export function endpointOf(routes: ClientRoutes, namespace: string, form: RouteForm): Endpoint {
  const { scheme, path } = routes;
  const join = (...parts: readonly string[]) => parts.filter((part) => part !== "").join("/");
  switch (form) {
    case "ns":
      return {
        host: routes.host,
        url: join(`${scheme}://${routes.host}`, path),
        isLiteral: false,
        location: join(routes.host, path),
      };
    case "path": {
      // The path that a push gives, and that `serve` takes: a colon cannot stand in a repository path
      const below = join(path, targetHostOf(namespace));
      return {
        host: routes.host,
        url: `${scheme}://${routes.host}/v2/${below}`,
        isLiteral: true,
        location: join(routes.host, below),
      };
    }
    case "host": {
      const host = `${hostLabelOf(namespace)}.${routes.host}`;
      return {
        host,
        url: join(`${scheme}://${host}`, path),
        isLiteral: false,
        location: join(host, path),
      };
    }
  }
}

import { OptionInvalidError } from "../errors.ts";
import { isNamespace } from "../oci/namespace.ts";
import { isRepositoryName } from "../oci/reference.ts";

/** How a client says which registry it means: `ns` parameter, first part of the path, or a host name of its own. */
export type RouteForm = "ns" | "path" | "host";

export interface ClientRoutesOptions {
  /** `scheme://host[:port][/path]` of a `serve`, of a cache, or of a registry that a bundle was pushed to. */
  readonly mirror: string;
  /** Registries whose images come from the mirror: `docker.io`, `reg.example:5000`; `*` for all others. */
  readonly namespaces: readonly string[];
  /** Default: what the runtime does best. */
  readonly form?: RouteForm | undefined;
  /** Whether the client may ask the original registry for what the mirror does not have; default true. */
  readonly fallback?: boolean | undefined;
  /** PEM text of the authority that signs the mirror's certificate. */
  readonly ca?: string | undefined;
  /** Accept any certificate of the mirror. */
  readonly skipVerify?: boolean | undefined;
  readonly credential?: ClientCredential | undefined;
}

export interface ClientCredential {
  readonly username: string;
  readonly password: string;
}

/** Where a client is sent, checked: every value can be written into any of the formats. */
export interface ClientRoutes {
  readonly scheme: "http" | "https";
  /** `host[:port]` */
  readonly host: string;
  /** Path of the mirror without slashes at its ends; mostly empty. */
  readonly path: string;
  /** Sorted, each once. */
  readonly namespaces: readonly string[];
  readonly form: RouteForm | undefined;
  readonly fallback: boolean;
  readonly ca: string | undefined;
  readonly skipVerify: boolean;
  readonly credential: ClientCredential | undefined;
}

/** Checks what the user says of the mirror; throws `OptionInvalidError`. */
export function parseClientRoutes(options: ClientRoutesOptions): ClientRoutes {
  const { form, fallback = true, ca, skipVerify = false, credential } = options;
  const mirror = parseMirrorUrl(options.mirror);
  const namespaces = [...new Set(options.namespaces)].sort();
  const wrong = namespaces.filter((name) => name !== "*" && !isNamespace(name));
  if (wrong.length > 0) {
    const reason = `${wrong.map((name) => JSON.stringify(name)).join(", ")} is no registry host`;
    throw new OptionInvalidError("namespaces", reason, {
      hint: 'Write hosts with a port if they have one, such as "docker.io" or "reg.example:5000"',
    });
  }
  if (namespaces.length === 0) {
    throw new OptionInvalidError("namespaces", "it is empty", {
      hint: 'Name the registries that the mirror stands for, such as "docker.io", or a bundle',
    });
  }
  checkCertificate(ca, mirror);
  if (credential) checkCredential(credential);
  return { ...mirror, namespaces, form, fallback, ca, skipVerify, credential };
}

function parseMirrorUrl(text: string): Pick<ClientRoutes, "scheme" | "host" | "path"> {
  const match = /^(https?):\/\/([^/?#@\s]+)((?:\/[^?#@\s]*)?)$/.exec(text);
  const [, scheme, host = "", rest = ""] = match ?? [];
  const path = rest.replace(/^\/+|\/+$/g, "");
  const isUsable = isNamespace(host) && (path === "" || isRepositoryName(path));
  if ((scheme !== "http" && scheme !== "https") || !isUsable) {
    throw new OptionInvalidError("mirror", "it is no address of a mirror", {
      hint: 'Write "https://host:port" or "https://host:port/path", without a user name and a query',
    });
  }
  return { scheme, host, path };
}

function checkCertificate(ca: string | undefined, { scheme }: Pick<ClientRoutes, "scheme">): void {
  if (ca === undefined) return;
  if (scheme === "http") {
    throw new OptionInvalidError("ca", "the mirror speaks plain HTTP, which has no certificates");
  }
  if (!/^-----BEGIN CERTIFICATE-----$/m.test(ca)) {
    throw new OptionInvalidError("ca", "it holds no certificate", {
      hint: 'Give a PEM file, which has a line "-----BEGIN CERTIFICATE-----"',
    });
  }
}

/** Files of these formats are read by line-based programs too, so control characters are refused. */
function checkCredential({ username, password }: ClientCredential): void {
  const isPrintable = (text: string) => !/\p{Cc}/u.test(text);
  if (username === "" || username.includes(":") || !isPrintable(username)) {
    const reason = "a user name is not empty and has neither a colon nor control characters";
    throw new OptionInvalidError("credential", reason);
  }
  if (password === "" || !isPrintable(password)) {
    const reason = "a password is not empty and has no control characters";
    throw new OptionInvalidError("credential", reason);
  }
}

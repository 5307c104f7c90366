import { OptionInvalidError } from "../errors.ts";
import { hostLabelOf, isNamespace } from "../oci/namespace.ts";
import type { RuntimeRequest } from "./runtime.ts";

/** A host name of the proxy and the registry that it stands for. */
export interface ProxyHost {
  readonly name: string;
  readonly namespace: string;
}

/** One host name below the domain for each namespace; throws `OptionInvalidError` where two would be the same. */
export function proxyHostsOf({ routes, options }: RuntimeRequest): ProxyHost[] {
  const { domain } = options.proxy;
  if (!isNamespace(domain) || /[:[]/.test(domain)) {
    throw new OptionInvalidError("domain", `${JSON.stringify(domain)} is no domain name`);
  }
  const hosts = routes.namespaces.map((namespace) => ({
    name: `${hostLabelOf(namespace)}.${domain}`,
    namespace,
  }));
  const names = hosts.map(({ name }) => name);
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) {
    throw new OptionInvalidError("namespaces", `two of them would be reached as "${double}"`);
  }
  return hosts;
}

/** How `serve` is told of these names. */
export function serveStepOf(hosts: readonly ProxyHost[]): string {
  const flags = hosts.map(({ name, namespace }) => `--host ${name}=${namespace}`);
  return `Start mirror serve with ${flags.join(" ")} --trust-proxy 127.0.0.1`;
}

import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, RepositorySource, WebSource } from "../store/store.ts";
import { listRepositories } from "./content/catalog.ts";
import { fetchWebFile } from "./content/web-files.ts";
import { checkLogin, type LoginCheck } from "./host/check-login.ts";
import {
  openRegistryHosts,
  type RegistryHostsOptions,
  type RegistryQuota,
} from "./host/registry-hosts.ts";
import { createRepository, type Repository } from "./repository.ts";

export type RegistryClientOptions = RegistryHostsOptions;

/** Everything that one program does with registries: connections, tokens and what was learnt are shared. */
export interface RegistryClient extends AsyncDisposable {
  repository(reference: RepositoryReference): Repository;
  /** All that a registry has, as far as it tells. */
  registry(host: string): RepositorySource;
  /** Files of servers that are no registries, with the same logins, certificates, proxies and rates. */
  readonly web: WebSource;
  /** How many requests registries have left for us, of those that have said so. */
  quotas(): readonly RegistryQuota[];
  /** Asks the registry who we are; rejects if it refuses the login. */
  checkLogin(registry: string, options?: OperationOptions): Promise<LoginCheck>;
}

export function openRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const hosts = openRegistryHosts(options);
  return {
    repository: (reference) => createRepository(hosts.hostOf(reference.registry), reference),
    registry: (registry) => ({
      listRepositories: (options) => listRepositories(hosts.hostOf(registry), options),
      repository: (repository) =>
        createRepository(hosts.hostOf(registry), { registry, repository }),
    }),
    web: {
      fetchFile: (address, options) =>
        fetchWebFile(hosts.webHostOf((options.namedBy ?? address).host), address, options),
    },
    quotas: () => hosts.quotas(),
    checkLogin: (registry, { signal } = {}) => checkLogin(hosts.hostOf(registry), signal),
    [Symbol.asyncDispose]: () => hosts[Symbol.asyncDispose](),
  };
}

import { type CredentialSource, chainCredentials, createStaticCredentials } from "./credentials.ts";
import { createDockerConfigCredentials, type DockerConfigOptions } from "./docker-config.ts";

export interface CredentialsOptions extends DockerConfigOptions {
  /** The host that `login` and `password` are for. */
  readonly registry?: string | undefined;
  readonly login?: string | undefined;
  readonly password?: string | undefined;
  /** Where they are from, in words for messages; default `the given login`. */
  readonly origin?: string | undefined;
}

/** The credentials of a run: a given login for one registry first, then what `docker login` left. */
export function createCredentials(options: CredentialsOptions = {}): CredentialSource {
  const { registry, login, password, origin = "the given login" } = options;
  const docker = createDockerConfigCredentials(options);
  if (registry === undefined || login === undefined || password === undefined) return docker;
  const given = createStaticCredentials({ registry, username: login, password, origin });
  return chainCredentials(given, docker);
}

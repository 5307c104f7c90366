import { checkOptions } from "../../check-options.ts";
import { listAuthFiles } from "./auth-files.ts";
import { createCloudCredentials } from "./cloud/cloud-credentials.ts";
import type { CloudLoginOptions } from "./cloud/cloud-login.ts";
import {
  type CredentialSource,
  chainCredentials,
  createStaticCredentials,
  describeCredential,
} from "./credentials.ts";
import { createDockerConfigCredentials, type DockerConfigOptions } from "./docker-config.ts";

export interface CredentialsOptions extends DockerConfigOptions, CloudLoginOptions {
  /** The host that `login` and `password` are for. */
  readonly registry?: string | undefined;
  readonly login?: string | undefined;
  readonly password?: string | undefined;
  /** Where they are from, in words for messages; default `the given login`. */
  readonly origin?: string | undefined;
}

/**
 * The credentials of a run: a given login for one registry first, then what `docker login` and `podman login` left, then
 * what the machine gives away in a cloud. Every choice is told as an event, without its secret.
 */
export function createCredentials(options: CredentialsOptions = {}): CredentialSource {
  checkOptions(options, {
    registry: "text?",
    login: "text?",
    password: "text?",
    origin: "text?",
    authFile: "text?",
    onEvent: "function?",
  });
  const { registry, login, password, origin = "the given login" } = options;
  const stored = chainCredentials(
    createDockerConfigCredentials(options),
    createCloudCredentials(options),
  );
  if (registry === undefined || login === undefined || password === undefined) {
    return tell(stored, [], options);
  }
  const given = createStaticCredentials({ registry, username: login, password, origin });
  return tell(chainCredentials(given, stored), [origin], options);
}

function tell(
  source: CredentialSource,
  first: readonly string[],
  options: CredentialsOptions,
): CredentialSource {
  return async (registry, question) => {
    const credential = await source(registry, question);
    const files = listAuthFiles(options).map(({ origin }) => origin);
    options.onEvent?.({
      type: "credential-chosen",
      registry,
      ...(question?.repository === undefined ? {} : { repository: question.repository }),
      chosen: credential ? describeCredential(credential) : "none",
      order: [...first, ...files, "cloud login"],
    });
    return credential;
  };
}

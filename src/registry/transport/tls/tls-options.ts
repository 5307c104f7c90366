/** Who is trusted over TLS, and who we are. */
export interface TlsOptions {
  /** PEM certificates that are trusted besides the others. */
  readonly ca?: readonly string[] | undefined;
  /** PEM files that are trusted besides the others. */
  readonly caFiles?: readonly string[] | undefined;
  /** PEM file with the certificate that registries are shown when they ask for one; needs `keyFile`. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Directories like `/etc/docker/certs.d`, in place of those that Docker and Podman read. */
  readonly certsDirectories?: readonly string[] | undefined;
  /** Accept any certificate. */
  readonly tlsSkipVerify?: boolean | undefined;
  /** Hosts of which any certificate is accepted: with a port that one, without one every port of the host. */
  readonly tlsSkipVerifyHosts?: readonly string[] | undefined;
  /** Default: the environment of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly homeDirectory?: string | undefined;
}

/** Tells the user what was left out. */
export type Warn = (code: string, message: string) => void;

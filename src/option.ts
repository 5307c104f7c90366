/** An option of the library that a text can name. The command line has a flag for each, or says so (`cli/output/flag-words.ts`). */
export type OptionName =
  | "allow"
  | "authFile"
  | "bundles"
  | "ca"
  | "caFiles"
  | "certFile"
  | "chunkSizeBytes"
  | "clientCaFile"
  | "cluster"
  | "compress"
  | "credential"
  | "domain"
  | "excludeModules"
  | "excludePackages"
  | "force"
  | "form"
  | "hostDirectory"
  | "htpasswdFile"
  | "ignoreSuspend"
  | "includeImages"
  | "includeModules"
  | "includePackages"
  | "includePlatform"
  | "includePlugins"
  | "insecure"
  | "insecureHosts"
  | "installerTag"
  | "keyFile"
  | "list"
  | "lock"
  | "login"
  | "mirror"
  | "modulesPathSuffix"
  | "namespaces"
  | "noInstaller"
  | "noModules"
  | "noPackages"
  | "noPlatform"
  | "noReferrers"
  | "noSecurityDb"
  | "onlyExtraImages"
  | "out"
  | "partSizeBytes"
  | "password"
  | "platforms"
  | "platformTag"
  | "prefer"
  | "probeSizeBytes"
  | "program"
  | "proxyRegistry"
  | "referrerTypes"
  | "requestsPerSecond"
  | "sinceVersion"
  | "skipForeignLayers"
  | "skipMissingAttestations"
  | "skipVexImages"
  | "source"
  | "tag"
  | "tlsCertFile"
  | "tlsDirectory"
  | "tlsKeyFile"
  | "tlsNames"
  | "tlsSkipVerify"
  | "tlsSkipVerifyHosts"
  | "trustProxy";

/** An option as texts of the library name it: `caFiles` in backticks. The command line puts its flag there. */
export function option(name: OptionName): string {
  return `\`${name}\``;
}

/** A function of the library that a text advises to call. The command line has a command for each. */
export type CallName = "pull" | "storeLogin" | "verifyBundle";

export function call(name: CallName): string {
  return `\`${name}\``;
}

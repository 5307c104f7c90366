import type { CallName, OptionName } from "../../index.ts";
import type { FlagTable } from "../options/flag.ts";

/** Texts of the library, in the words of the command line. */
export type FlagWords = <Value>(value: Value) => Value;

/** Flags that set an option; a command has at most one of them. An option without a flag does not compile. */
const FLAGS_OF: Readonly<Record<OptionName, readonly string[]>> = {
  allow: ["allow"],
  authFile: ["authfile"],
  bundles: ["bundle"],
  ca: ["ca-file"],
  cacheDirectory: ["cache", "cache-dir"],
  caFiles: ["ca-file"],
  certFile: ["cert-file"],
  chartImages: ["chart-images"],
  checksums: ["no-checksums"],
  chunkSizeBytes: ["images-bundle-chunk-size"],
  clientCaFile: ["client-ca"],
  cluster: ["cluster"],
  compress: ["compress"],
  credential: ["username"],
  domain: ["domain"],
  excludeModules: ["exclude-module"],
  excludePackages: ["exclude-package"],
  excludeRepositories: ["exclude-repository"],
  excludeTags: ["exclude-tag"],
  exposePrivate: ["expose-private"],
  force: ["force"],
  form: ["form"],
  gostDigest: ["gost-digest"],
  hostDirectory: ["out"],
  htpasswdFile: ["htpasswd"],
  ignoreSuspend: ["ignore-suspend"],
  images: ["image"],
  includeCharts: ["include-chart"],
  includeFiles: ["include-file"],
  includeImages: ["include-image"],
  includeModules: ["include-module"],
  includePackages: ["include-package"],
  includePlatform: ["include-platform"],
  includePlugins: ["include-plugin"],
  includeRepositories: ["include-repository"],
  insecure: ["insecure"],
  insecureHosts: ["insecure-host"],
  installerTag: ["installer-tag"],
  keepBundles: ["keep-bundle"],
  keyFile: ["key-file"],
  labelSources: ["labels-from"],
  latest: ["latest"],
  limit: ["limit"],
  list: ["list"],
  lock: ["plan"],
  login: ["source-login", "registry-login", "username"],
  match: ["match"],
  mirror: ["mirror"],
  modulesPathSuffix: ["modules-path-suffix"],
  namespaces: ["namespaces"],
  newerThan: ["newer-than"],
  noInstaller: ["no-installer"],
  noModules: ["no-modules"],
  noPackages: ["no-packages"],
  noPlatform: ["no-platform"],
  noReferrers: ["no-referrers"],
  noSecurityDb: ["no-security-db"],
  onlyExtraImages: ["only-extra-images"],
  out: ["out"],
  partSizeBytes: ["part-size"],
  password: ["source-password", "registry-password", "password-stdin"],
  platforms: ["platform"],
  platformTag: ["platform-tag"],
  policies: ["policy"],
  prefer: ["prefer"],
  probeSizeBytes: ["probe-size"],
  program: ["program"],
  proxyRegistry: ["proxy-registry"],
  referrerTypes: ["referrer-type"],
  requestsPerSecond: ["rps"],
  requireSignatures: ["require-signature"],
  sinceVersion: ["since-version"],
  skipForeignLayers: ["skip-foreign-layers"],
  skipMissingAttestations: ["skip-missing-attestations"],
  skipVexImages: ["skip-vex-images"],
  sort: ["sort"],
  source: ["source"],
  tag: ["tag"],
  tlsCertFile: ["tls-cert"],
  tlsDirectory: ["tls-directory"],
  tlsKeyFile: ["tls-key"],
  tlsNames: ["tls-name"],
  tlsSkipVerify: ["tls-skip-verify"],
  tlsSkipVerifyHosts: ["tls-skip-verify-host"],
  trees: ["tree"],
  trustProxy: ["trust-proxy"],
  upstreams: ["upstream"],
  writable: ["writable"],
};

const COMMANDS_OF: Readonly<Record<CallName, string>> = {
  exportBundle: "mirror export",
  pull: "mirror pull",
  storeLogin: "mirror login",
  verifyBundle: "mirror verify",
};

/** Fields of reports, events and failures that are prose. */
const PROSE: ReadonlySet<string> = new Set(["message", "hint", "detail", "reason"]);

/** A command, as far as its words matter. */
interface FlagsOf {
  readonly name: string;
  readonly flags: FlagTable;
  readonly positionals: readonly { readonly name: string }[];
}

/**
 * Writes options as flags of a command: `caFiles` in backticks is --ca-file. A flag that the command does not have is named
 * with one that has it. In a value, every field that is prose is written so.
 */
export function createFlagWords(
  command: FlagsOf | undefined,
  commands: readonly FlagsOf[],
): FlagWords {
  const words = (text: string) =>
    text.replace(/`([A-Za-z]+)`/g, (tag, name: string) => {
      if (Object.hasOwn(COMMANDS_OF, name)) return `"${COMMANDS_OF[name as CallName]}"`;
      if (isArgument(name, command)) return `<${name}>`;
      if (!Object.hasOwn(FLAGS_OF, name)) return tag;
      return flagWord(FLAGS_OF[name as OptionName], command, commands);
    });
  return <Value>(value: Value) => mapProse(value, words) as Value;
}

/** Whether an option is given by its place, and has no flag of its name. */
function isArgument(name: string, command: FlagsOf | undefined): boolean {
  if (command === undefined || name in command.flags) return false;
  return command.positionals.some((positional) => positional.name === name);
}

function flagWord(
  flags: readonly string[],
  command: FlagsOf | undefined,
  commands: readonly FlagsOf[],
): string {
  const own = flags.find((flag) => command !== undefined && flag in command.flags);
  if (own !== undefined) return `--${own}`;
  const [first = ""] = flags;
  const other = commands.find((one) => first in one.flags);
  return other === undefined ? `--${first}` : `--${first} (mirror ${other.name})`;
}

function mapProse(value: unknown, words: (text: string) => string): unknown {
  if (typeof value === "string") return words(value);
  if (Array.isArray(value)) return value.map((item) => mapFields(item, words));
  return mapFields(value, words);
}

function mapFields(value: unknown, words: (text: string) => string): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapFields(item, words));
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      PROSE.has(key) && typeof field === "string" ? words(field) : mapFields(field, words),
    ]),
  );
}

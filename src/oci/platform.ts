import { ReferenceInvalidError } from "./errors.ts";

/** `os/architecture[/variant]` as in the image index specification. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
}

/** Parses `linux/arm64` or `linux/arm/v7`. */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.trim().toLowerCase().split("/");
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (rest.length > 0 || parts.some((part) => !part || !/^[a-z0-9_.-]+$/.test(part))) {
    throw new ReferenceInvalidError(text, "platform is not os/architecture[/variant]", {
      hint: 'Write platforms as "linux/amd64" or "linux/arm/v7"',
    });
  }
  return normalizePlatform({ os: os ?? "", architecture: architecture ?? "", variant });
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/** `arm64` is `arm64/v8`, `arm` is `arm/v7`, `amd64` is `amd64/v1`: all are written in the short form, arm with its variant. */
function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const { architecture, variant } = normalizeArchitecture(platform);
  return { os, architecture, ...(variant ? { variant } : {}) };
}

function normalizeArchitecture(platform: Platform): { architecture: string; variant?: string } {
  const variant = (platform.variant ?? "").toLowerCase();
  switch (platform.architecture.toLowerCase()) {
    case "amd64":
    case "x86_64":
    case "x86-64":
      return { architecture: "amd64", variant: variant === "v1" ? "" : variant };
    case "arm64":
    case "aarch64":
      return {
        architecture: "arm64",
        variant: /^(?:arm)?v?8(?:\.0)?$/.test(variant) ? "" : variant,
      };
    case "armhf":
      return { architecture: "arm", variant: "v7" };
    case "arm":
      return {
        architecture: "arm",
        variant: variant === "" ? "v7" : variant.replace(/^(?:armv?)?(\d)/, "v$1"),
      };
    default:
      return { architecture: platform.architecture.toLowerCase(), variant };
  }
}

/** Whether a child of an index is what the user asked for; a wish without a variant takes the plain one. */
export function matchesPlatform(wanted: Platform, found: Platform): boolean {
  const [left, right] = [normalizePlatform(wanted), normalizePlatform(found)];
  return (
    left.os === right.os &&
    left.architecture === right.architecture &&
    (left.variant ?? "") === (right.variant ?? "")
  );
}

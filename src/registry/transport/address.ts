import { isIP, isIPv4 } from "node:net";

/** How far an address reaches. */
export type NetworkReach = "loopback" | "link-local" | "private" | "public";

/** Reach of an IP address; undefined for names. Brackets around IPv6 are allowed. */
export function reachOf(address: string): NetworkReach | undefined {
  const bare = address.replace(/^\[|\]$/g, "").toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1] ?? expandMapped(bare);
  if (mapped !== undefined) return reachOfIpv4(mapped);
  if (isIPv4(bare)) return reachOfIpv4(bare);
  return isIP(bare) ? reachOfIpv6(bare) : undefined;
}

/** Hosts that need no encryption because their traffic never leaves the machine. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" || hostname.endsWith(".localhost") || reachOf(hostname) === "loopback"
  );
}

function reachOfIpv4(address: string): NetworkReach {
  const [a = 0, b = 0] = address.split(".").map(Number);
  if (a === 127) return "loopback";
  // 0.0.0.0 connects to this machine
  if (a === 0) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  const isPrivate =
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b < 128);
  return isPrivate ? "private" : "public";
}

function reachOfIpv6(address: string): NetworkReach {
  if (address === "::1" || address === "::") return "loopback";
  if (/^fe[89ab]/.test(address)) return "link-local";
  return /^f[cd]/.test(address) ? "private" : "public";
}

/** `URL` writes mapped addresses in hex: `::ffff:7f00:1` → `127.0.0.1`. */
function expandMapped(address: string): string | undefined {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const value = Number.parseInt(high, 16) * 65536 + Number.parseInt(low, 16);
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join(".");
}

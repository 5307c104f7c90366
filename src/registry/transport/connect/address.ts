import { isIP, isIPv4 } from "node:net";

/** How far an address reaches. Services that a cloud has for its machines count as link-local, wherever they are. */
export type NetworkReach = "loopback" | "link-local" | "private" | "public";

/** Reach of an IP address; undefined for names. Brackets around IPv6 and a zone are allowed. */
export function reachOf(address: string): NetworkReach | undefined {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  if (isIPv4(bare)) return reachOfIpv4(bare.split(".").map(Number));
  return isIP(bare) ? reachOfIpv6(groupsOf(bare.toLowerCase())) : undefined;
}

/** Hosts that need no encryption because their traffic never leaves the machine. */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || reachOf(name) === "loopback";
}

/** Metadata and agents of clouds: Alibaba, Oracle, and Azure's machine service. */
const CLOUD_SERVICES: ReadonlySet<string> = new Set([
  "100.100.100.200",
  "192.0.0.192",
  "168.63.129.16",
]);

function reachOfIpv4(bytes: readonly number[]): NetworkReach {
  const [a = 0, b = 0, c = 0] = bytes;
  // 0.0.0.0 connects to this machine
  if (a === 127 || a === 0) return "loopback";
  if ((a === 169 && b === 254) || a >= 224 || CLOUD_SERVICES.has(bytes.join("."))) {
    return "link-local";
  }
  const isPrivate =
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && c === 0) ||
    (a === 198 && (b === 18 || b === 19)) ||
    (a === 100 && b >= 64 && b < 128);
  return isPrivate ? "private" : "public";
}

/** Metadata of AWS by IPv6. */
const AWS_METADATA = "fd00:ec2:0:0:0:0:0:254";

function reachOfIpv6(groups: readonly number[]): NetworkReach {
  const inner = embeddedIpv4(groups);
  if (inner !== undefined) return reachOfIpv4(inner);
  const [first = 0] = groups;
  const isZeros = groups.slice(0, 7).every((group) => group === 0);
  if (isZeros && (groups[7] ?? 0) <= 1) return "loopback";
  if ((first & 0xffc0) === 0xfe80 || (first & 0xff00) === 0xff00) return "link-local";
  if (groups.map((group) => group.toString(16)).join(":") === AWS_METADATA) return "link-local";
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfec0 ? "private" : "public";
}

/** The IPv4 address that an IPv6 one leads to: mapped, compatible, NAT64 (RFC 6052, 8215), 6to4, Teredo. */
function embeddedIpv4(groups: readonly number[]): readonly number[] | undefined {
  const [g0 = 0, g1 = 0, g2 = 0, , , g5 = 0, g6 = 0, g7 = 0] = groups;
  const hasZeros = (from: number, to: number) =>
    groups.slice(from, to).every((group) => group === 0);
  if (hasZeros(0, 5) && g5 === 0xffff) return bytesOf(g6, g7);
  if (hasZeros(0, 4) && groups[4] === 0xffff && g5 === 0) return bytesOf(g6, g7);
  if (hasZeros(0, 6) && g6 !== 0) return bytesOf(g6, g7);
  if (g0 === 0x64 && g1 === 0xff9b && (g2 === 1 || hasZeros(2, 6))) return bytesOf(g6, g7);
  if (g0 === 0x2002) return bytesOf(g1, g2);
  if (g0 === 0x2001 && g1 === 0) return bytesOf(g6 ^ 0xffff, g7 ^ 0xffff);
  return undefined;
}

function bytesOf(high: number, low: number): readonly number[] {
  return [high >> 8, high & 255, low >> 8, low & 255];
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = text.split("::");
  const parse = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail ?? "")];
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...new Array<number>(gap).fill(0), ...after];
}

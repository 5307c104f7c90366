import { BlockList, isIP, isIPv4 } from "node:net";

/** A proxy for one request. */
export interface HttpProxy {
  readonly url: URL;
  /** As shown to users: never with user and password. */
  readonly host: string;
  /** `Proxy-Authorization`, if the proxy was given with a user. */
  readonly authorization: string | undefined;
}

export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a URL, as Go understands it; undefined: connect directly. `HTTPS_PROXY` is for
 * https only and `HTTP_PROXY` for http only, loopback is always direct. Throws a plain `Error` for a proxy that cannot
 * be used.
 */
export function selectProxy(url: URL, env: ProxyVariables): HttpProxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = variableOf(env, name);
  if (text === undefined || isDirect(url, variableOf(env, "NO_PROXY") ?? "")) return undefined;
  return parseProxy(text, name);
}

function variableOf(env: ProxyVariables, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined;
}

function parseProxy(text: string, name: string): HttpProxy {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  // not chained, not quoted: the text may contain a password
  if (!URL.canParse(full)) throw new Error(`${name} is not the address of a proxy`);
  const url = new URL(full);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Error(
      `${name} names a proxy of type "${url.protocol.slice(0, -1)}": only http and https are supported`,
    );
  }
  return { url, host: url.host, authorization: authorizationOf(url) };
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const pair = `${decode(username)}:${decode(password)}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether `NO_PROXY`, or being on this machine, keeps a URL from the proxy. */
function isDirect(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const target = { host, port: url.port || (url.protocol === "https:" ? "443" : "80") };
  if (host === "localhost" || (isIP(host) && contains(LOOPBACK, host))) return true;
  return noProxy.split(",").some((entry) => matches(entry.trim().toLowerCase(), target));
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

interface Target {
  readonly host: string;
  readonly port: string;
}

function matches(entry: string, { host, port }: Target): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isIP(host) !== 0 && isInSubnet(host, entry);
  const { name, entryPort } = splitPort(entry);
  if (name === "" || (entryPort !== undefined && entryPort !== port)) return false;
  if (isIP(name)) return isIP(host) !== 0 && isSameAddress(name, host);
  // ".a.b" and "*.a.b" are the names below a.b, "a.b" is itself as well
  const suffix = name.startsWith("*.") ? name.slice(1) : name;
  return suffix.startsWith(".")
    ? host.endsWith(suffix)
    : host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(entry: string): { name: string; entryPort: string | undefined } {
  if (isIP(entry)) return { name: entry, entryPort: undefined };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { name: bracketed ?? plain ?? "", entryPort: port };
}

function isInSubnet(host: string, subnet: string): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(subnet) ?? [];
  if (!isIP(address) || Number(bits) > (isIPv4(address) ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), isIPv4(address) ? "ipv4" : "ipv6");
  return contains(list, host);
}

function isSameAddress(address: string, host: string): boolean {
  const list = new BlockList();
  list.addAddress(address, isIPv4(address) ? "ipv4" : "ipv6");
  return contains(list, host);
}

function contains(list: BlockList, host: string): boolean {
  return list.check(host, isIPv4(host) ? "ipv4" : "ipv6");
}

import { lookup as lookupName } from "node:dns";
import type { LookupFunction } from "node:net";
import { isLoopbackHost, type NetworkReach, reachOf } from "./address.ts";

/** How far away the addresses of a name are; undefined: it was never looked up. */
export type ReachOfHost = (hostname: string) => NetworkReach | undefined;

/**
 * Where a server may not send us, because it cannot reach it itself but we can: link-local addresses (cloud metadata)
 * always, loopback unless it is on loopback too, private addresses when it is on the public network.
 */
export function refusedReaches(from: URL, reachOfHost: ReachOfHost): readonly NetworkReach[] {
  const origin = isLoopbackHost(from.hostname)
    ? "loopback"
    : (reachOf(from.hostname) ?? reachOfHost(from.hostname));
  switch (origin) {
    case "loopback":
      return ["link-local"];
    case "link-local":
      return ["loopback"];
    case "public":
      return ["loopback", "link-local", "private"];
    default:
      return ["loopback", "link-local"];
  }
}

/** Whether an address that a server gave shows that it leads inward. Of names it shows when they are connected to. */
export function isInward(from: URL, to: URL, reachOfHost: ReachOfHost): boolean {
  if (from.hostname === to.hostname) return false;
  const target = isLoopbackHost(to.hostname) ? "loopback" : reachOf(to.hostname);
  return target !== undefined && refusedReaches(from, reachOfHost).includes(target);
}

/** Looks names up, but for their addresses of a reach that is refused. */
export function createGuardedLookup(
  refused: readonly NetworkReach[],
  lookup: typeof lookupName = lookupName,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const allowed = addresses.filter(({ address }) => {
        const reach = reachOf(address);
        return reach === undefined || !refused.includes(reach);
      });
      const [first] = allowed;
      if (first === undefined) callback(inwardAddress(hostname, addresses[0]?.address), []);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function inwardAddress(hostname: string, address = "nothing"): NodeJS.ErrnoException {
  const error = new Error(`"${hostname}" is ${address}`);
  return Object.assign(error, { code: "INWARD_ADDRESS" });
}

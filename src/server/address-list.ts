import { BlockList, isIP } from "node:net";
import { OptionInvalidError } from "../errors.ts";

/** Whether an address is one of a list. */
export type AddressList = (address: string) => boolean;

/** `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`; all that cannot be read are named at once. */
export function parseAddressList(entries: readonly string[], optionName: string): AddressList {
  const list = new BlockList();
  const bad = entries.filter((entry) => !addTo(list, entry));
  if (bad.length > 0) {
    const named = bad.map((entry) => `"${entry}"`).join(", ");
    throw new OptionInvalidError(optionName, `${named} is no address and no CIDR range`, {
      hint: "Write ranges as 10.0.0.0/8 or fd00::/8",
    });
  }
  return (address) => {
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
  };
}

function addTo(list: BlockList, entry: string): boolean {
  const [address = "", bits, ...rest] = entry.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  const longest = version === 6 ? 128 : 32;
  const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : longest + 1;
  if (length > longest) return false;
  list.addSubnet(address, length, version === 6 ? "ipv6" : "ipv4");
  return true;
}

/** A socket for both versions shows `10.0.0.1` as `::ffff:10.0.0.1`. */
function withoutMapping(address: string): string {
  const bare = address.replace(/%.*$/, "");
  return bare.toLowerCase().startsWith("::ffff:") && bare.includes(".") ? bare.slice(7) : bare;
}

import { OptionInvalidError } from "../../../errors.ts";
import type { OptionName } from "../../../option.ts";

/** Hosts that an option names, and which of them were met. */
export interface NamedHosts {
  /** Whether a host (`registry.local`, `registry.local:5000`) is named; it counts as met. */
  readonly has: (host: string) => boolean;
  /** As they were given, without those that were met. */
  readonly unmet: () => readonly string[];
}

interface NamedHostsOptions {
  readonly option: OptionName;
  /** Port of a host that names none. */
  readonly port: number;
  /** Where a host of references is asked. */
  readonly apiHostOf?: ((host: string) => string) | undefined;
}

interface NamedHost {
  readonly text: string;
  readonly hostname: string;
  /** Undefined: any. */
  readonly port: number | undefined;
}

/** A name with a port means that port, one without any port of the host. Throws `OPTION_INVALID` for what is no host. */
export function createNamedHosts(
  texts: readonly string[],
  { option, port, apiHostOf = (host) => host }: NamedHostsOptions,
): NamedHosts {
  const named = texts.map((text) => parseNamedHost(text, option));
  const met = new Set<string>();
  return {
    has: (host) => {
      const asked = parseNamedHost(host, option);
      const found = named.filter(
        (one) =>
          (one.hostname === asked.hostname || apiHostOf(one.hostname) === asked.hostname) &&
          (one.port === undefined || one.port === (asked.port ?? port)),
      );
      for (const { text } of found) met.add(text);
      return found.length > 0;
    },
    unmet: () => [...new Set(texts)].filter((text) => !met.has(text)),
  };
}

const HOST = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\*]+)(?::(\d{1,5}))?$/i;

function parseNamedHost(text: string, option: OptionName): NamedHost {
  // An address without brackets has colons and no port
  const whole = /^[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*$/i.test(text) ? `[${text}]` : text;
  const [, host = "", port] = HOST.exec(whole) ?? [];
  const address = `http://${host}`;
  if (!URL.canParse(address) || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    // What stands before an @ may be a password
    const shown = text.slice(text.lastIndexOf("@") + 1);
    throw new OptionInvalidError(option, `"${shown}" is not a host`, {
      hint: 'Name a host as in references, without a scheme and a path: "registry.local" or "registry.local:5000"',
    });
  }
  const { hostname } = new URL(address);
  return { text, hostname, port: port === undefined ? undefined : Number(port) };
}

import type { Digest } from "../oci/digest.ts";

/** What a registry client reports while it works; never contains credentials. */
export type RegistryEvent =
  /** A request failed and is sent again after `delayMs`. */
  | {
      readonly type: "retrying";
      readonly registry: string;
      readonly method: string;
      readonly path: string;
      readonly reason: string;
      readonly attempt: number;
      readonly delayMs: number;
    }
  /** Something the user should know: a server's `Warning`, a bad configuration entry; `code` is stable. */
  | {
      readonly type: "warning";
      readonly code: string;
      readonly message: string;
      readonly registry?: string;
    }
  /** Who we are at a registry, and where that was looked up, in this order. */
  | {
      readonly type: "credential-chosen";
      readonly registry: string;
      readonly repository?: string;
      readonly chosen: string;
      readonly order: readonly string[];
    }
  /** One exchange with a registry, or a server it sent us to, is over. */
  | {
      readonly type: "request";
      readonly registry: string;
      readonly method: string;
      /** Path and query; with the host in front if it is another one. Secrets are blanked. */
      readonly path: string;
      /** Missing: no answer came. */
      readonly status?: number;
      /** Bytes of the bodies that went and came. */
      readonly sentBytes: number;
      readonly receivedBytes: number;
      readonly milliseconds: number;
      /** 1: the first time that it was sent. */
      readonly attempt: number;
      /** Number of the connection; the same number is the same connection. Missing: none was got. */
      readonly connection?: number;
    }
  /** A transfer starts over: `bytes` bytes that had been sent or received are lost. */
  | {
      readonly type: "restarted";
      readonly registry: string;
      readonly digest: Digest;
      readonly bytes: number;
      readonly reason: string;
    }
  /** The server asked for fewer requests: from now on this many a second. */
  | {
      readonly type: "rate-limited";
      readonly registry: string;
      readonly requestsPerSecond: number;
    }
  /** The registry has no request left for us: the next one waits for so long, and those behind it longer. */
  | {
      readonly type: "quota-exhausted";
      readonly registry: string;
      readonly delayMs: number;
      /** Requests in a window of so many milliseconds. */
      readonly limit?: number;
      readonly windowMs?: number;
    };

export type OnRegistryEvent = (event: RegistryEvent) => void;

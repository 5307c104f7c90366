import type { Digest } from "../oci/digest.ts";

/** What a pull reports while it runs; `--progress json` prints these as they are. */
export type PullEvent =
  /** A tag list, manifest or image file is being asked for. */
  | { readonly type: "resolving"; readonly reference: string }
  /** `bytes` more bytes of what resolving asks for have arrived. */
  | { readonly type: "resolving-progress"; readonly bytes: number }
  /** Something the user should know and that is no failure; `code` is stable. */
  | { readonly type: "notice"; readonly code: string; readonly message: string }
  | {
      readonly type: "planned";
      readonly packages: number;
      readonly files: number;
      readonly images: number;
      /** Bytes of all files of the bundle. */
      readonly bytes: number;
      /** Bytes to fetch from the source; the rest is on disk, copied or generated. */
      readonly fetchBytes: number;
    }
  | {
      readonly type: "blob-started";
      readonly digest: Digest;
      readonly size: number;
      /** First byte that is fetched: more than 0 when an interrupted transfer goes on. */
      readonly offset: number;
      /** The package that has its first place. */
      readonly package: string;
      /** The repository that it is fetched from. */
      readonly origin: string;
    }
  /** `bytes` more bytes have arrived. */
  | { readonly type: "blob-progress"; readonly digest: Digest; readonly bytes: number }
  /** The digest did not match or the server ignored the range: `bytes` bytes have to come again. */
  | {
      readonly type: "blob-restarted";
      readonly digest: Digest;
      readonly bytes: number;
      readonly reason: string;
    }
  | {
      readonly type: "blob-finished";
      readonly digest: Digest;
      readonly size: number;
      readonly outcome: "fetched" | "reused";
    }
  | {
      readonly type: "package-finished";
      readonly package: string;
      readonly files: readonly string[];
      readonly size: number;
    };

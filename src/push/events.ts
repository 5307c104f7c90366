import type { Digest } from "../oci/digest.ts";

/** What a push reports while it runs; `--progress json` prints these as they are. */
export type PushEvent =
  | { readonly type: "notice"; readonly code: string; readonly message: string }
  | {
      readonly type: "opened";
      readonly packages: number;
      readonly files: number;
      readonly images: number;
      /** Bytes of the distinct blobs of the bundle: the most that can have to be sent. */
      readonly bytes: number;
    }
  | {
      readonly type: "blob-started";
      readonly digest: Digest;
      readonly size: number;
      readonly repository: string;
    }
  | { readonly type: "blob-progress"; readonly digest: Digest; readonly bytes: number }
  | {
      readonly type: "blob-finished";
      readonly digest: Digest;
      readonly size: number;
      readonly outcome: "uploaded" | "mounted" | "already-there" | "failed";
    }
  | {
      readonly type: "image-finished";
      readonly repository: string;
      readonly tags: readonly string[];
      readonly digest: Digest;
      readonly outcome: "pushed" | "already-there" | "failed";
    };

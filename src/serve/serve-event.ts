import type { NoticeEvent } from "../notice.ts";
import type { CacheUse } from "../server/backend.ts";

/** What happens while images are served. */
export type ServeEvent =
  | {
      readonly type: "request-answered";
      readonly method: string;
      /** As it came, without its query. */
      readonly path: string;
      /** The registry that the client meant, if it said so or it was found. */
      readonly namespace?: string;
      readonly status: number;
      /** How the cache came by it, where it is not from a bundle. */
      readonly cache?: CacheUse;
      readonly bytes: number;
      readonly milliseconds: number;
      /** Address of the client, as a trusted proxy says it. */
      readonly client: string;
    }
  /** An answer that did not come to its end because of the content, not of the client. */
  | {
      readonly type: "request-failed";
      readonly method: string;
      readonly path: string;
      readonly code: string;
      readonly message: string;
    }
  /** A client took or sent so little, while nothing but it was waited for, that its connection was cut. */
  | {
      readonly type: "client-cut";
      readonly method: string;
      readonly path: string;
      readonly client: string;
    }
  /** An upstream could not say whether a tag has moved: what it was when it was asked last is served. */
  | {
      readonly type: "stale-served";
      readonly namespace: string;
      readonly repository: string;
      readonly tag: string;
      readonly message: string;
    }
  /** The disk of the cache has not taken something that was fetched: it was passed on, and is fetched again next time. */
  | {
      readonly type: "cache-failed";
      readonly code: string;
      readonly message: string;
    }
  /** The list of what was pulled could not be written: an image is missing in it until it is pulled again. */
  | {
      readonly type: "record-failed";
      readonly code: string;
      readonly message: string;
    }
  /** The certificate that was made here could not be made anew: the old one is shown until it expires. */
  | {
      readonly type: "renewal-failed";
      readonly code: string;
      readonly message: string;
    }
  /** What should be known of the bundles before they are served. */
  | NoticeEvent;

export type OnServeEvent = (event: ServeEvent) => void;

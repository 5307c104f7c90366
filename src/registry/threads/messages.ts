import type { FilePart } from "../../io/file-span.ts";
import type { FiledFault } from "../../store/store.ts";
import type { NetworkReach } from "../transport/connect/address.ts";
import type { ExchangeRecord } from "../transport/exchange-record.ts";
import type { ResponseHeaders } from "../transport/headers.ts";
import type { CopiedError } from "./copied-error.ts";

// What a client and one of its threads tell each other. Contents, exchanges and calls have numbers that the client gives.

/** Content in files: bytes are received into all places, or sent from the first one. */
export interface ContentSpec {
  readonly places: readonly (readonly FilePart[])[];
  readonly size: number;
  /** `sha256`, and the hash that all of it should have. */
  readonly algorithm: string;
  readonly hash: string;
  readonly mode: "read" | "write";
}

/** The bytes of a request that are read from content. */
export interface BodyPart {
  readonly content: number;
  readonly start: number;
  readonly size: number;
}

/** An HTTP request as it can be copied. */
export interface ThreadRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: BodyPart | undefined;
  readonly namedBy?: string | undefined;
  readonly refuses?: readonly NetworkReach[] | undefined;
  readonly extraAnswerMs?: number | undefined;
  /** Hosts that are shown the client certificate. */
  readonly registries: readonly string[];
}

export interface ThreadAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly proxy?: string | undefined;
  /** Where the host was found to be. */
  readonly reach?: NetworkReach | undefined;
}

/** How far a body has come into its content. */
export interface PourPosition {
  /** Bytes of the content that have come, from its first. */
  readonly received: number;
  /** Bytes of them that are at all places. */
  readonly written: number;
}

export interface PourEnd extends PourPosition {
  readonly isTooLong: boolean;
  /** What has cut it off. */
  readonly error?: CopiedError | undefined;
  /** What keeps the bytes from being written: no new connection helps. */
  readonly storageError?: CopiedError | undefined;
}

/** Calls, and what each gives. */
export interface ThreadCalls {
  readonly open: {
    readonly wish: ContentSpec & { readonly content: number };
    readonly gives: undefined;
  };
  /** Hash what the places have up to `end`; false unless all have the same. */
  readonly keep: {
    readonly wish: { readonly content: number; readonly end: number };
    readonly gives: boolean;
  };
  readonly digest: { readonly wish: { readonly content: number }; readonly gives: string };
  readonly close: { readonly wish: { readonly content: number }; readonly gives: undefined };
  readonly send: {
    readonly wish: { readonly exchange: number; readonly request: ThreadRequest };
    readonly gives: ThreadAnswer;
  };
  /** Write a body behind what the content has, but for its first bytes. */
  readonly pour: {
    readonly wish: {
      readonly exchange: number;
      readonly content: number;
      readonly surplusBytes: number;
    };
    readonly gives: PourEnd;
  };
  /** The next piece of a body; undefined at its end. */
  readonly more: {
    readonly wish: { readonly exchange: number };
    readonly gives: Uint8Array | undefined;
  };
  readonly discard: { readonly wish: { readonly exchange: number }; readonly gives: undefined };
  /** Forget an exchange whose body nobody wants. */
  readonly drop: { readonly wish: { readonly exchange: number }; readonly gives: undefined };
}

export type CallName = keyof ThreadCalls;

export type ToThread =
  | {
      readonly [Name in CallName]: {
        readonly type: Name;
        readonly call: number;
        readonly wish: ThreadCalls[Name]["wish"];
      };
    }[CallName]
  | { readonly type: "abort"; readonly exchange: number };

/** What is wrong with content that should be sent: not the registry's fault. */
export type ContentFault = FiledFault | { readonly type: "storage"; readonly error: CopiedError };

export type FromThread =
  | { readonly type: "result"; readonly call: number; readonly value: unknown }
  | { readonly type: "failure"; readonly call: number; readonly error: CopiedError }
  | { readonly type: "fault"; readonly content: number; readonly fault: ContentFault }
  | { readonly type: "sent"; readonly exchange: number; readonly bytes: number }
  | { readonly type: "progress"; readonly exchange: number; readonly position: PourPosition }
  | { readonly type: "record"; readonly exchange: number; readonly record: ExchangeRecord }
  | { readonly type: "warn"; readonly code: string; readonly message: string };

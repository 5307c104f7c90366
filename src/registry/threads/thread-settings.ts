import type { TransportOptions } from "../transport/create-transport.ts";

/** What a thread makes its connections with: the options of a transport that can be copied. */
export type ThreadSettings = Omit<TransportOptions, "apiHostOf" | "isRegistry" | "warn">;

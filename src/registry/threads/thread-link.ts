import { Worker } from "node:worker_threads";
import { threadScript } from "../../thread-script.ts";
import type { NetworkReach } from "../transport/connect/address.ts";
import type { ExchangeRecord } from "../transport/exchange-record.ts";
import { nextConnection } from "../transport/next-connection.ts";
import { reviveError } from "./copied-error.ts";
import type { CallName, ContentFault, FromThread, PourPosition, ThreadCalls } from "./messages.ts";
import type { ThreadSettings } from "./thread-settings.ts";

/** Who wants to know what becomes of an exchange. */
export interface ExchangeListener {
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly onRecord?: ((record: ExchangeRecord) => void) | undefined;
  onProgress?: ((position: PourPosition) => void) | undefined;
}

interface Exchange {
  readonly listener: ExchangeListener;
  isRecorded: boolean;
  isLeft: boolean;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that moves bytes, and what is asked of it. */
export class ThreadLink implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exchanges = new Map<number, Exchange>();
  readonly #faults = new Map<number, (fault: ContentFault) => void>();
  /** Numbers of connections in this process, by their numbers in the thread. */
  readonly #connections = new Map<number, number>();
  readonly #reaches = new Map<string, NetworkReach>();
  readonly #warn: (code: string, message: string) => void;
  #next = 0;
  #failure: unknown;

  constructor(settings: ThreadSettings, warn: (code: string, message: string) => void) {
    this.#warn = warn;
    const script = threadScript("registry/threads/transfer-thread");
    this.#worker = new Worker(script, { workerData: settings });
    this.#worker.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("the thread has ended")));
  }

  /** Contents that are open: the busiest thread has most. */
  get load(): number {
    return this.#faults.size;
  }

  call<Name extends CallName>(
    name: Name,
    wish: ThreadCalls[Name]["wish"],
  ): Promise<ThreadCalls[Name]["gives"]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const call = this.#next++;
      this.#waiting.set(call, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ type: name, call, wish });
    });
  }

  abort(exchange: number): void {
    this.#worker.postMessage({ type: "abort", exchange });
  }

  enterContent(onFault: (fault: ContentFault) => void): number {
    const content = this.#next++;
    this.#faults.set(content, onFault);
    return content;
  }

  leaveContent(content: number): void {
    this.#faults.delete(content);
  }

  enterExchange(listener: ExchangeListener): number {
    const exchange = this.#next++;
    this.#exchanges.set(exchange, { listener, isRecorded: false, isLeft: false });
    return exchange;
  }

  /** Nothing more is asked about it; its record may still come. */
  leaveExchange(id: number): void {
    const exchange = this.#exchanges.get(id);
    if (exchange?.isRecorded) this.#exchanges.delete(id);
    else if (exchange) exchange.isLeft = true;
  }

  /** It has failed before it was one. */
  removeExchange(id: number): void {
    this.#exchanges.delete(id);
  }

  /** Where connections of the thread have found a host to be. */
  reachOf(hostname: string): NetworkReach | undefined {
    return this.#reaches.get(hostname);
  }

  noteReach(hostname: string, reach: NetworkReach | undefined): void {
    if (reach) this.#reaches.set(hostname, reach);
  }

  #take(message: FromThread): void {
    switch (message.type) {
      case "result":
        this.#settle(message.call)?.resolve(message.value);
        break;
      case "failure":
        this.#settle(message.call)?.reject(reviveError(message.error));
        break;
      case "fault":
        this.#faults.get(message.content)?.(message.fault);
        break;
      case "sent":
        this.#exchanges.get(message.exchange)?.listener.onSent?.(message.bytes);
        break;
      case "progress":
        this.#exchanges.get(message.exchange)?.listener.onProgress?.(message.position);
        break;
      case "record":
        this.#end(message.exchange, message.record);
        break;
      case "warn":
        this.#warn(message.code, message.message);
        break;
    }
  }

  #settle(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }

  #end(id: number, record: ExchangeRecord): void {
    const exchange = this.#exchanges.get(id);
    if (!exchange) return;
    exchange.isRecorded = true;
    if (exchange.isLeft) this.#exchanges.delete(id);
    exchange.listener.onRecord?.(this.#renumber(record));
  }

  /** Numbers of connections are of the process, not of a thread. */
  #renumber(record: ExchangeRecord): ExchangeRecord {
    const { connection } = record;
    if (connection === undefined) return record;
    const number = this.#connections.get(connection) ?? nextConnection();
    this.#connections.set(connection, number);
    return { ...record, connection: number };
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= new Error("the client was closed");
    await this.#worker.terminate();
  }
}

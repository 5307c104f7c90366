import type { Socket } from "node:net";
import type { Exchange, ExchangeAnswer } from "../transport/exchange.ts";
import { nextConnection } from "../transport/next-connection.ts";
import { IdleTimer } from "./idle-timer.ts";
import { WireExchange } from "./wire-exchange.ts";
import { FIRST_BUFFER_BYTES, receiveFrom } from "./wire-socket.ts";

/** Servers may close what is idle for longer at any moment, also the one in which the next request is sent. */
const KEEP_MS = 4_000;

/** A connection of HTTP/1.1 that carries one exchange after the other. */
export class WireConnection {
  readonly #socket: Socket;
  readonly #number = nextConnection();
  /** For heads, and for bodies of which nobody says where they should go. */
  readonly #buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  readonly #onFree: (connection: WireConnection) => void;
  readonly #onLost: (connection: WireConnection) => void;
  #running: WireExchange | undefined;
  /** Of the exchange that is running, or of the pause behind it. */
  readonly #idle = new IdleTimer(() => {
    if (this.#running) this.#running.giveUp();
    else this.close();
  });

  /** `onFree`: the next exchange may begin; `onLost`: none may. */
  constructor(
    socket: Socket,
    onFree: (connection: WireConnection) => void,
    onLost: (connection: WireConnection) => void,
  ) {
    this.#socket = socket;
    this.#onFree = onFree;
    this.#onLost = onLost;
    receiveFrom(socket, {
      take: (bytes) => this.#take(bytes),
      memory: () => this.#running?.memory() ?? this.#buffer,
    });
    // TLS in a tunnel knows no `onread`: there, bytes come as from any stream
    socket.on("data", (bytes: Buffer) => {
      if (!this.#take(bytes)) socket.pause();
    });
    socket.on("error", (error) => this.#running?.fail(error));
    socket.on("end", () => this.#endOfConnection());
    socket.on("close", () => this.#endOfConnection());
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(exchange: Exchange): Promise<ExchangeAnswer> {
    this.#idle.stop();
    const running = new WireExchange(exchange, {
      socket: this.#socket,
      idle: this.#idle,
      connection: this.#number,
      keepMs: KEEP_MS,
      onOver: (keepMs) => this.#free(keepMs),
    });
    this.#running = running;
    return running.run();
  }

  close(): void {
    this.#running?.fail(
      Object.assign(new Error("the client was closed"), { code: "ECONNABORTED" }),
    );
    this.#idle.end();
    this.#socket.destroy();
  }

  #take(bytes: Buffer): boolean {
    if (this.#running) return this.#running.take(bytes);
    // nothing was asked
    this.close();
    return false;
  }

  #free(keepMs: number): void {
    this.#running = undefined;
    if (keepMs <= 0 || !this.isOpen) {
      this.#idle.end();
      this.#socket.destroy();
      this.#onLost(this);
      return;
    }
    this.#idle.start(keepMs);
    // a paused socket would not show that the server ends it
    this.#socket.resume();
    this.#onFree(this);
  }

  #endOfConnection(): void {
    this.#running?.endOfConnection();
    this.#idle.end();
    this.#socket.destroy();
    this.#onLost(this);
  }
}

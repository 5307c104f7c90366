import { Worker } from "node:worker_threads";

/** What a thread posts back for each request, in the order of the requests. */
export type ThreadAnswer<Value> =
  | { readonly value: Value }
  | { readonly message: string; readonly code: string | undefined };

interface Waiting<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that does what it is asked, one request after the other. It is started by the first one, if not before. */
export class RequestThread<Request, Value> implements AsyncDisposable {
  readonly #script: URL;
  readonly #waiting: Waiting<Value>[] = [];
  #worker: Worker | undefined;
  #failure: unknown;

  /** `script` runs `serveRequests`. */
  constructor(script: URL) {
    this.#script = script;
  }

  /** Rejects with the message and the code of what the thread has thrown. Memory in `transfer` moves to the thread. */
  ask(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#worker ??= this.#start();
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  /** Has it started by the time of the first request. */
  prepare(): void {
    if (this.#failure === undefined) this.#worker ??= this.#start();
  }

  #start(): Worker {
    const worker = new Worker(this.#script);
    worker.on("message", (answer: ThreadAnswer<Value>) => this.#settle(answer));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(new Error("the thread has ended")));
    return worker;
  }

  #settle(answer: ThreadAnswer<Value>): void {
    const waiting = this.#waiting.shift();
    if ("value" in answer) waiting?.resolve(answer.value);
    else waiting?.reject(Object.assign(new Error(answer.message), { code: answer.code }));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= new Error("the thread was closed");
    await this.#worker?.terminate();
  }
}

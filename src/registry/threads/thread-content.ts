import type { HttpRequest, HttpResponse, SendRequest } from "../transport/http.ts";
import { reviveError } from "./copied-error.ts";
import type { ContentFault, ContentSpec, PourPosition } from "./messages.ts";
import { RemoteBody } from "./remote-body.ts";
import { sendByThread } from "./send-by-thread.ts";
import type { ThreadLink } from "./thread-link.ts";

/** What became of a body that was written into content. */
export interface Poured extends PourPosition {
  readonly isTooLong: boolean;
  readonly error?: Error | undefined;
}

/** Content in files, in the hands of the thread that receives or sends it. */
export class ThreadContent implements AsyncDisposable {
  readonly #link: ThreadLink;
  readonly #id: number;
  readonly #opened: Promise<void>;
  #fault: ContentFault | undefined;
  /** Sends a request on a connection of the thread. */
  readonly send: SendRequest;

  constructor(link: ThreadLink, spec: ContentSpec, registries: () => readonly string[]) {
    this.#link = link;
    this.#id = link.enterContent((fault) => {
      this.#fault ??= fault;
    });
    this.#opened = link.call("open", { ...spec, content: this.#id });
    // seen by the next call
    this.#opened.catch(() => undefined);
    this.send = (request: HttpRequest): Promise<HttpResponse> =>
      sendByThread(link, request, { content: this.#id, registries: registries() });
  }

  /** What is wrong with the content where it lies. */
  get fault(): ContentFault | undefined {
    return this.#fault;
  }

  /** Goes on behind what the places have up to `end`; false unless all of them have the same. */
  async keep(end: number): Promise<boolean> {
    await this.#opened;
    return await this.#link.call("keep", { content: this.#id, end });
  }

  /** Writes the body of an answer of the thread behind what there is. Rejects when the files do not take it. */
  async pour(
    { body }: Pick<HttpResponse, "body">,
    surplusBytes: number,
    onProgress: (position: PourPosition) => void,
  ): Promise<Poured> {
    if (!(body instanceof RemoteBody)) throw new Error("the body is of another thread");
    const { error, storageError, ...end } = await body.pour(this.#id, surplusBytes, onProgress);
    onProgress(end);
    if (storageError) throw reviveError(storageError);
    return { ...end, ...(error ? { error: reviveError(error) } : {}) };
  }

  /** Lower-case hex, of all bytes that have been received. */
  digest(): Promise<string> {
    return this.#link.call("digest", { content: this.#id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.leaveContent(this.#id);
    await this.#link.call("close", { content: this.#id }).catch(() => undefined);
  }
}

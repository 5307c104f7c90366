import type { Writable } from "node:stream";
import { MultiBar, type SingleBar } from "cli-progress";
import type { Suspension } from "../../suspension.ts";
import { wrap } from "../wrap.ts";
import { renderOverallBar, renderResolving, renderTransferBar } from "./bars.ts";
import { renderEventLine } from "./event-line.ts";
import { type ProgressView, type Transfer, TransferProgress } from "./progress.ts";
import type { Renderer } from "./renderer.ts";
import { type Repeat, repeat } from "./repeat.ts";

const INTERVAL_MS = 100;
/** More lines than this scroll the overall bar out of a small terminal. */
const TRANSFER_LINES = 10;
/** Of a terminal that does not tell its width. */
const COLUMNS = 80;

const SHOW_CURSOR = "\u001b[?25h";
const HIDE_CURSOR = "\u001b[?25l";
const WRAP_LINES = "\u001b[?7h";
const CUT_LINES = "\u001b[?7l";

/** Where bars are drawn; its width changes with the window. */
type Terminal = Writable & { readonly columns?: number };

export interface TtyRendererOptions {
  readonly stream: Terminal;
  readonly now?: () => number;
  readonly every?: Repeat;
  readonly suspension?: Suspension | undefined;
}

/** Bars: a line while names are resolved, then one for the whole run, one for each running transfer. */
export function createTtyRenderer({
  stream,
  now = Date.now,
  every = repeat,
  suspension,
}: TtyRendererOptions): Renderer {
  const bars = new Bars(stream);
  const progress = new TransferProgress(now);
  const stop = every(INTERVAL_MS, () => {
    const view = progress.view();
    if (view.resolving !== undefined || view.totalBytes > 0) bars.show(view);
  });
  const [suspend, resume] = [() => bars.giveBack(), () => bars.takeBack()];
  suspension?.on("suspend", suspend).on("resume", resume);
  return {
    onEvent: (event) => {
      progress.apply(event);
      const line = renderEventLine(event);
      if (line !== undefined) bars.log(line);
    },
    onLine: (text) => bars.log(text),
    [Symbol.dispose]() {
      stop();
      suspension?.off("suspend", suspend).off("resume", resume);
      bars.stop();
    },
  };
}

class Bars {
  readonly #stream: Terminal;
  readonly #multi: MultiBar;
  /** Lines below the overall bar; a transfer keeps its line, a free one waits for the next. */
  readonly #lines: { readonly bar: SingleBar; digest: string | undefined }[] = [];
  #overall: SingleBar | undefined;
  #isStopped = false;

  constructor(stream: Terminal) {
    this.#stream = stream;
    this.#multi = new MultiBar({
      // The type asks for a tty stream; any stream that can be written does
      stream: stream as NodeJS.WriteStream,
      format: (_options, _parameters, payload: { readonly text?: string }) => payload.text ?? "",
      clearOnComplete: true,
      hideCursor: true,
      // Lines that are logged scroll the bars
      forceRedraw: true,
      // Signals belong to signals.ts
      gracefulExit: false,
    });
  }

  /** Lines that end up above the bars. */
  log(text: string): void {
    // While bars are drawn, the terminal cuts lines off
    const lines = `${wrap(text, this.#columns)}\n`;
    if (this.#overall === undefined || this.#isStopped) this.#stream.write(lines);
    else this.#multi.log(lines);
  }

  /** The cursor and the breaking of lines, for the shell behind Ctrl-Z. */
  giveBack(): void {
    if (this.#isDrawn) this.#stream.write(`${SHOW_CURSOR}${WRAP_LINES}\n`);
  }

  takeBack(): void {
    if (this.#isDrawn) this.#stream.write(`${HIDE_CURSOR}${CUT_LINES}`);
  }

  /** Some terminals say that they have none. */
  get #columns(): number {
    return this.#stream.columns || COLUMNS;
  }

  get #isDrawn(): boolean {
    return this.#overall !== undefined && !this.#isStopped;
  }

  show(view: ProgressView): void {
    if (this.#isStopped) return;
    this.#overall ??= this.#multi.create(1, 0, { text: "" });
    const columns = this.#columns;
    const text =
      view.resolving === undefined
        ? renderOverallBar(view, columns)
        : renderResolving(view.resolving, columns);
    this.#overall.update(0, { text });
    const waiting = new Map(view.running.map((transfer) => [transfer.digest, transfer]));
    for (const line of this.#lines) {
      const transfer = waiting.get(line.digest ?? "");
      if (transfer === undefined) line.digest = undefined;
      else this.#draw(line, transfer, waiting);
    }
    for (const transfer of waiting.values()) {
      const line = this.#lines.find(({ digest }) => digest === undefined) ?? this.#addLine();
      if (line === undefined) break;
      this.#draw(line, transfer, waiting);
    }
    for (const { bar, digest } of this.#lines) {
      if (digest === undefined) bar.update(0, { text: "" });
    }
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#overall === undefined) return;
    // Stopping drops the lines that wait for the next redraw
    this.#multi.update();
    this.#multi.stop();
  }

  #addLine() {
    if (this.#lines.length >= TRANSFER_LINES) return undefined;
    const line = { bar: this.#multi.create(1, 0, { text: "" }), digest: undefined };
    this.#lines.push(line);
    return line;
  }

  #draw(
    line: { readonly bar: SingleBar; digest: string | undefined },
    transfer: Transfer,
    waiting: Map<string, Transfer>,
  ): void {
    line.digest = transfer.digest;
    line.bar.update(0, { text: renderTransferBar(transfer, this.#columns) });
    waiting.delete(transfer.digest);
  }
}

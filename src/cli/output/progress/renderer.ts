import type {
  OutdatedEvent,
  PullEvent,
  PushEvent,
  TagsEvent,
  VerifyEvent,
} from "../../../index.ts";

/** Every event that a command can show. */
export type MirrorEvent = OutdatedEvent | PullEvent | PushEvent | TagsEvent | VerifyEvent;

/** Shows events while a command runs; disposing it leaves the terminal clean and can be done twice. */
export interface Renderer extends Disposable {
  readonly onEvent: (event: MirrorEvent) => void;
  /** One more line of status, above whatever is drawn. */
  readonly onLine: (text: string) => void;
}

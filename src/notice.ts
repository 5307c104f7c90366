/** Something the user should know and that is no failure. */
export interface Notice {
  /** Stable: scripts match these, never messages. */
  readonly code: string;
  readonly message: string;
}

/** An event of a pipeline that tells a notice. */
export interface NoticeEvent extends Notice {
  readonly type: "notice";
}

/** Keeps the notices among the events that are passed on, for the report at the end. */
export function collectNotices<Event extends { readonly type: string }>(
  onEvent: (event: Event | NoticeEvent) => void = () => {},
): { readonly notices: readonly Notice[]; readonly onEvent: (event: Event | NoticeEvent) => void } {
  const notices: Notice[] = [];
  return {
    notices,
    onEvent: (event) => {
      if (isNotice(event)) notices.push({ code: event.code, message: event.message });
      onEvent(event);
    },
  };
}

function isNotice(event: { readonly type: string }): event is NoticeEvent {
  return event.type === "notice";
}

import type { ServeEvent } from "../../index.ts";
import { sanitize } from "./sanitize.ts";

/** Longest path that is printed: clients may ask for anything. */
const PATH_LIMIT = 300;

/** One line for an event of the server; what clients send is neither trusted nor repeated in full. */
export function renderServeEvent(event: ServeEvent): string {
  const request = `${event.method} ${sanitize(event.path.slice(0, PATH_LIMIT))}`;
  switch (event.type) {
    case "request-answered": {
      const { bytes, client, milliseconds, namespace, status } = event;
      const meant = namespace === undefined ? "" : ` ns=${sanitize(namespace)}`;
      return `${client} ${request}${meant} ${status} ${bytes} bytes ${milliseconds} ms\n`;
    }
    case "request-failed":
      return `error: ${request}: ${sanitize(event.message)} (${event.code})\n`;
  }
}

import type { ServeEvent } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";

/** Longest path that is printed: clients may ask for anything. */
const PATH_LIMIT = 300;

/** One line for an event of the server; what clients send is neither trusted nor repeated in full. */
export function renderServeEvent(event: ServeEvent): string {
  switch (event.type) {
    case "request-answered": {
      const request = renderRequest(event);
      const { bytes, client, milliseconds, namespace, status } = event;
      const meant = namespace === undefined ? "" : ` ns=${sanitize(namespace)}`;
      return `${sanitize(client.slice(0, PATH_LIMIT))} ${request}${meant} ${status} ${bytes} bytes ${milliseconds} ms\n`;
    }
    case "client-cut":
      return `warning: ${sanitize(event.client.slice(0, PATH_LIMIT))} is too slow, and was cut off: ${renderRequest(event)}\n`;
    case "request-failed":
      return `error: ${renderRequest(event)}: ${sanitize(event.message)} (${event.code})\n`;
    case "cache-failed":
      return `warning: not kept in the cache: ${sanitize(event.message)} (${event.code})\n`;
    case "record-failed":
      return `error: a pull is not recorded: ${sanitize(event.message)} (${event.code})\n`;
    case "renewal-failed":
      return `error: the certificate is not renewed: ${sanitize(event.message)} (${event.code})\n`;
    case "notice":
      return `notice: ${sanitize(event.message)} (${event.code})\n`;
    case "stale-served": {
      const { message, namespace, repository, tag } = event;
      const image = sanitize(`${namespace}/${repository}:${tag}`);
      return `warning: ${image} is stale: ${sanitize(message)}\n`;
    }
  }
}

function renderRequest({
  method,
  path,
}: {
  readonly method: string;
  readonly path: string;
}): string {
  return `${method} ${sanitize(path.slice(0, PATH_LIMIT))}`;
}

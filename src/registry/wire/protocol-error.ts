/** What a server sent is not HTTP, or could be read in two ways. `code` is one of Node's own parser where that has one. */
export function protocolError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

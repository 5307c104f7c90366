let lastConnection = 0;

/** A number that no other connection of this process has. */
export function nextConnection(): number {
  lastConnection += 1;
  return lastConnection;
}

import { startDaemon } from "./daemon.mjs";

const WIRE = new URL("wire.mjs", import.meta.url).pathname;

/** Puts a line of so many bytes per second, and with so many milliseconds each way, before a server. */
export async function startWire(host, [bytesPerSecond, delayMs]) {
  const words = [WIRE, host, String(bytesPerSecond), String(delayMs)];
  const { found, stop } = await startDaemon(process.execPath, words, { ready: /wire at (\S+)/ });
  return { host: found[1], stop };
}

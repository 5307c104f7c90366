#!/usr/bin/env node
/**
 * A line between a client and a server on this machine, in a process of its own: all connections share its bytes per second in
 * each direction, and each byte is on its way for the delay.
 *
 *   node wire.mjs HOST:PORT BYTES_PER_SECOND DELAY_MS      prints "wire at 127.0.0.1:PORT"
 */
import { connect, createServer } from "node:net";

const [target = "", rate = "0", delay = "0"] = process.argv.slice(2);
const [host, port] = target.split(":");
/** What may be on its way at once, of one connection: more than rate × delay, so that the rate alone holds it up. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** What waits for the line, of all connections: so much is held by what routes them. Beyond it, senders wait. */
const QUEUE_MS = 20;

const [up, down] = [createDirection(), createDirection()];

createServer((client) => {
  const server = connect({ host, port: Number(port), noDelay: true });
  client.setNoDelay(true);
  carry(client, server, up);
  carry(server, client, down);
})
  .listen(0, "127.0.0.1")
  .on("listening", function () {
    process.stdout.write(`wire at 127.0.0.1:${this.address().port}\n`);
  });

/** One direction: `leave` gives the time at which bytes arrive, `enter` calls back when the line takes more. */
function createDirection() {
  let freeAt = 0;
  let isTimed = false;
  const waiting = [];
  const backlog = () => freeAt - performance.now();
  const admit = () => {
    isTimed = false;
    if (backlog() <= QUEUE_MS) for (const resume of waiting.splice(0)) resume();
    else wait();
  };
  const wait = () => {
    if (isTimed) return;
    isTimed = true;
    setTimeout(admit, backlog() - QUEUE_MS);
  };
  return {
    isFull: () => backlog() > QUEUE_MS,
    leave: (bytes) => {
      freeAt = Math.max(performance.now(), freeAt) + (bytes / Number(rate)) * 1000;
      return freeAt + Number(delay);
    },
    enter: (resume) => {
      waiting.push(resume);
      wait();
    },
  };
}

function carry(from, to, line) {
  const waiting = [];
  let onTheWay = 0;
  let isTimed = false;
  let isHeld = false;
  const arrive = () => {
    isTimed = false;
    while (waiting.length > 0 && waiting[0].at <= performance.now()) {
      const { chunk } = waiting.shift();
      if (chunk === undefined) to.end();
      else to.write(chunk);
      onTheWay -= chunk?.length ?? 0;
    }
    if (onTheWay < WINDOW_BYTES && !isHeld) from.resume();
    if (waiting.length > 0) wait();
  };
  const wait = () => {
    if (isTimed) return;
    isTimed = true;
    setTimeout(arrive, Math.max(0, waiting[0].at - performance.now()));
  };
  from.on("data", (chunk) => {
    onTheWay += chunk.length;
    waiting.push({ chunk, at: line.leave(chunk.length) });
    if (onTheWay >= WINDOW_BYTES) from.pause();
    if (line.isFull() && !isHeld) {
      isHeld = true;
      from.pause();
      line.enter(() => {
        isHeld = false;
        if (onTheWay < WINDOW_BYTES) from.resume();
      });
    }
    wait();
  });
  from.on("end", () => {
    waiting.push({ at: line.leave(0) });
    wait();
  });
  for (const socket of [from, to]) socket.on("error", () => [from, to].map((one) => one.destroy()));
}

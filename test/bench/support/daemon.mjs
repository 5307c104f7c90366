import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const running = new Set();

/**
 * Starts a program that goes on until it is stopped; resolves when it prints what `ready` matches. `onLine` gets every line
 * of stdout and stderr.
 */
export async function startDaemon(command, args, { ready, onLine = () => {}, env = {} }) {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  running.add(child);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const found = await new Promise((resolve, reject) => {
    const read = (line) => {
      onLine(line);
      const match = ready.exec(line);
      if (match) resolve(match);
    };
    const told = [eachLine(child.stdout, read), eachLine(child.stderr, read)];
    child.once("exit", () => {
      reject(new Error(`${command} did not start:\n${told.map((lines) => lines()).join("\n")}`));
    });
    child.once("error", reject);
  });
  return {
    found,
    processorSeconds: () => processorSecondsOf(child.pid),
    /** Kilobytes that are resident now, and the most that there were since the start or the last reset. */
    memory: () => memoryOf(child.pid),
    resetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, "5"),
    async stop() {
      running.delete(child);
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export function stopDaemons() {
  for (const child of running) child.kill("SIGKILL");
}

/** Returns a function for the last lines: what a program says when it fails. */
function eachLine(stream, read) {
  let rest = "";
  const last = [];
  stream.setEncoding("utf8").on("data", (text) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      last.push(line);
      if (last.length > 20) last.shift();
      read(line);
    }
  });
  return () => last.join("\n");
}

function processorSecondsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  // Fields 14 and 15 of proc(5), in hundredths
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return { residentKib: read("VmRSS"), peakKib: read("VmHWM") };
}

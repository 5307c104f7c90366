import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export const MAIN = new URL("../../../dist/mirror.js", import.meta.url).pathname;
export const TIME = "/usr/bin/time";

/** What names certificates: to read and parse hundreds takes longer than all else of a start, and nothing here needs them. */
const ENVIRONMENT = {
  ...process.env,
  NODE_EXTRA_CA_CERTS: undefined,
  SSL_CERT_FILE: undefined,
  SSL_CERT_DIR: undefined,
};

/** The clock of `/proc` has hundredths of a second; the last look at a thread is this much before its end. */
const LOOK_MS = 20;

/** Runs a program to its end: what it and its main thread took of the processors, in seconds, and of memory. */
export function run(root, command, args) {
  return new Promise((resolve, reject) => {
    const measured = ["-o", join(root, "used"), "-f", "%U %S %M", command, ...args];
    const child = spawn(TIME, measured, {
      stdio: ["ignore", "ignore", "pipe"],
      // What a program keeps on the side lies where everything is: oras writes all of it there once more; what other runs
      // have left in the user's own cache would be counted
      env: { ...ENVIRONMENT, TMPDIR: root, XDG_CACHE_HOME: join(root, "cache") },
    });
    const mainOf = watchMain(child.pid);
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      const main = mainOf();
      if (code !== 0) {
        return reject(new Error(`${command} ${args[0]}: exit ${code}\n${stderr}`));
      }
      const [user, system, peakKib] = readFileSync(join(root, "used"), "utf8")
        .split(" ")
        .map(Number);
      resolve({ client: user + system, main, peakKib });
    });
  });
}

/** Looks at the main thread of the process that `time` has started, until it has ended. */
function watchMain(timePid) {
  let seconds = 0;
  const timer = setInterval(() => {
    try {
      const pid = readFileSync(`/proc/${timePid}/task/${timePid}/children`, "utf8").trim();
      seconds = secondsOf(`/proc/${pid}/task/${pid}/stat`);
    } catch {
      // not started yet, or over
    }
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return seconds;
  };
}

function secondsOf(path) {
  const fields = readFileSync(path, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  // Fields 14 and 15 of proc(5), in hundredths
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function has(command) {
  return findProgram(command) !== undefined;
}

/** Path of a program; users may lack the directories of daemons. */
export function findProgram(command) {
  const directories = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  return directories
    .map((directory) => join(directory, command))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

export function print(line) {
  process.stdout.write(`${line}\n`);
}

export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}

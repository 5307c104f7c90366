import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type ProcessResult, runProcess } from "../../support/run-process.ts";

export interface TracedRun {
  readonly result: ProcessResult;
  /** Every path that was opened for writing, created, renamed, linked or removed; each once, sorted. */
  readonly changed: readonly string[];
  /** Path → bytes written to it. */
  readonly written: ReadonlyMap<string, number>;
  /** Path → bytes read from it. */
  readonly read: ReadonlyMap<string, number>;
}

export interface TraceOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where strace writes. */
  readonly tracePath: string;
}

const MAIN = fileURLToPath(new URL("../../../dist/mirror.js", import.meta.url));

const OPEN = ["open", "openat", "openat2", "creat"];
const CHANGE = [
  ...["rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir"],
  ...["link", "linkat", "symlink", "symlinkat", "truncate", "mknod", "mknodat"],
];
const READ = ["read", "pread64", "readv", "preadv", "preadv2"];
const WRITE = ["write", "pwrite64", "writev", "pwritev", "pwritev2"];

/** Runs the built program under strace and reads what it did to the file system. */
export async function traceMirror(
  args: readonly string[],
  { cwd, env, tracePath }: TraceOptions,
): Promise<TracedRun> {
  const calls = [...OPEN, ...CHANGE, ...READ, ...WRITE].map((name) => `?${name}`).join(",");
  const flags = [
    "-f",
    "-y",
    "-s",
    "0",
    "-e",
    "signal=none",
    "-e",
    `trace=${calls}`,
    "-o",
    tracePath,
  ];
  const traced = ["-s", "4096", "--", process.execPath, MAIN, ...args];
  const result = await runProcess("strace", [...flags, ...traced], {
    cwd,
    env: {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      DOCKER_CONFIG: "/nonexistent",
      MIRROR_NO_CACHE: "true",
      ...env,
    },
  });
  return { result, ...readTrace(await readFile(tracePath, "utf8"), cwd) };
}

function readTrace(trace: string, cwd: string): Omit<TracedRun, "result"> {
  const changed = new Set<string>();
  const written = new Map<string, number>();
  const read = new Map<string, number>();
  for (const call of joinResumed(trace.split("\n")).flatMap(parseCall)) {
    const isOpened = OPEN.includes(call.name) && /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(call.args);
    if (isOpened || CHANGE.includes(call.name)) {
      for (const path of pathsOf(call.args, cwd)) changed.add(path);
    }
    const [, file] = /^\d+<(\/[^>]*)>/.exec(call.args) ?? [];
    const moved = WRITE.includes(call.name) ? written : read;
    if (file && [...READ, ...WRITE].includes(call.name)) {
      moved.set(file, (moved.get(file) ?? 0) + call.result);
    }
  }
  return { changed: [...changed].sort(), written, read };
}

interface SystemCall {
  readonly name: string;
  readonly args: string;
  readonly result: number;
}

/** `12 openat(AT_FDCWD</tmp>, "a", O_RDONLY) = 3</tmp/a>`; calls that failed changed nothing. */
function parseCall(line: string): SystemCall[] {
  const [, name = "", args = "", result = "-1"] = /^\d+ +(\w+)\((.*)\) += (-?\d+)/.exec(line) ?? [];
  return Number(result) < 0 ? [] : [{ name, args, result: Number(result) }];
}

/** `1 write(3 <unfinished ...>` and `1 <... write resumed>) = 5` are one call. */
function joinResumed(lines: readonly string[]): string[] {
  const unfinished = new Map<string, string>();
  return lines.flatMap((line) => {
    const [pid = ""] = /^\d+/.exec(line) ?? [];
    if (line.endsWith("<unfinished ...>")) {
      unfinished.set(pid, line.slice(0, -"<unfinished ...>".length));
      return [];
    }
    const resumed = /^\d+ +<\.\.\. \w+ resumed>/.exec(line);
    if (resumed === null) return [line];
    const start = unfinished.get(pid) ?? "";
    unfinished.delete(pid);
    return [start + line.slice(resumed[0].length)];
  });
}

/** The quoted arguments, absolute; one that follows a directory descriptor is below it. */
function pathsOf(args: string, cwd: string): string[] {
  return [...args.matchAll(/(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, base = cwd, path = ""]) => (path.startsWith("/") ? path : `${base}/${path}`),
  );
}

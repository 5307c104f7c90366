import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

type Hook = (run: () => Promise<void>) => void;

/** Opened before each test of the file or block and closed behind it; what is returned stands for the one that is open. */
export function eachTest<T extends AsyncDisposable>(open: () => Promise<T> | T): T {
  return standIn(open, beforeEach, afterEach);
}

/** The same, once for all tests of the file or block. */
export function allTests<T extends AsyncDisposable>(open: () => Promise<T> | T): T {
  return standIn(open, beforeAll, afterAll);
}

function standIn<T extends AsyncDisposable>(
  open: () => Promise<T> | T,
  before: Hook,
  after: Hook,
): T {
  let opened: T | undefined;
  before(async () => {
    opened = await open();
  });
  after(async () => {
    await opened?.[Symbol.asyncDispose]();
    opened = undefined;
  });
  const current = (name: PropertyKey): T => {
    if (opened === undefined) throw new Error(`"${String(name)}" is asked of what is not open`);
    return opened;
  };
  return new Proxy({} as T, {
    get: (_, name) => {
      const value: unknown = Reflect.get(current(name), name);
      return typeof value === "function" ? value.bind(current(name)) : value;
    },
    set: (_, name, value) => Reflect.set(current(name), name, value),
  });
}

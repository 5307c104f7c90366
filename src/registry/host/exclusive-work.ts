/** Work that must not overlap with other work of the same key. */
export class ExclusiveWork {
  readonly #running = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#running.get(key) ?? Promise.resolve();
    const running = before.then(work);
    const settled = running.then(ignore, ignore);
    this.#running.set(key, settled);
    try {
      return await running;
    } finally {
      if (this.#running.get(key) === settled) this.#running.delete(key);
    }
  }
}

function ignore(): void {}

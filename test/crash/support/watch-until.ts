import { watch } from "node:fs";

/** Resolves when something changed below the directory and the condition holds; looks once before. */
export async function watchUntil(directory: string, isMet: () => Promise<boolean>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let isLooking = false;
    let isStale = false;
    const look = async () => {
      isStale = isLooking;
      if (isLooking) return;
      isLooking = true;
      try {
        if (await isMet()) {
          watcher.close();
          resolve();
        }
      } catch (error) {
        watcher.close();
        reject(error);
      }
      isLooking = false;
      if (isStale) void look();
    };
    const watcher = watch(directory, { recursive: true }, () => void look());
    watcher.on("error", reject);
    void look();
  });
}

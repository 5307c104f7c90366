import { defineConfig } from "vitest/config";

const root = new URL("..", import.meta.url).pathname;

export default defineConfig({
  root,
  test: {
    // By default one core is left idle, which is half of a small machine
    maxWorkers: "100%",
    // What hangs is found by its lack of progress (test/support/progress.ts); these limits are for what is left, and
    // far from what a machine takes that is busy with other things
    projects: [
      {
        root,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/crash/**", "test/e2e/**", "test/interop/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
      {
        root,
        test: {
          name: "e2e",
          include: ["test/{crash,e2e,interop}/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});

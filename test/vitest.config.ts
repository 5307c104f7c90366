import { defineConfig } from "vitest/config";

const root = new URL("..", import.meta.url).pathname;

export default defineConfig({
  root,
  test: {
    // By default one core is left idle, which is half of a small machine
    maxWorkers: "100%",
    projects: [
      {
        root,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/crash/**", "test/e2e/**", "test/interop/**"],
          testTimeout: 20_000,
        },
      },
      {
        root,
        test: {
          name: "e2e",
          include: ["test/{crash,e2e,interop}/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

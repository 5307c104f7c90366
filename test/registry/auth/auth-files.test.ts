import { describe, expect, test } from "vitest";
import { listAuthFiles } from "../../../src/registry/auth/auth-files.ts";

const MACHINE = { homeDirectory: "/home/ada", platform: "linux", userId: 1000 } as const;

function namesOf(env: NodeJS.ProcessEnv, more = {}): readonly string[] {
  return listAuthFiles({ ...MACHINE, env, ...more }).map(({ origin }) => origin);
}

describe("listAuthFiles()", () => {
  test("names the places of Podman before those of Docker", () => {
    expect(namesOf({})).toEqual([
      '"/run/containers/1000/auth.json"',
      '"/home/ada/.config/containers/auth.json"',
      '"/home/ada/.docker/config.json"',
      '"/home/ada/.dockercfg"',
    ]);
  });

  test("follows the variables", () => {
    const env = {
      REGISTRY_AUTH_FILE: "/named.json",
      DOCKER_AUTH_CONFIG: "{}",
      XDG_RUNTIME_DIR: "/run/user/1000",
      XDG_CONFIG_HOME: "/conf",
      DOCKER_CONFIG: "/docker",
    };
    const expected = [
      '"/named.json"',
      "DOCKER_AUTH_CONFIG",
      '"/run/user/1000/containers/auth.json"',
      '"/conf/containers/auth.json"',
      '"/docker/config.json"',
      '"/home/ada/.dockercfg"',
    ];
    expect(namesOf(env)).toEqual(expected);
    expect(namesOf(env, { authFile: "/flag.json" })).toEqual([
      '"/flag.json"',
      ...expected.slice(1),
    ]);
  });

  test("knows no /run elsewhere", () => {
    expect(namesOf({}, { platform: "darwin" })[0]).toContain(".config/containers");
  });
});

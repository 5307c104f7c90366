import type { Command } from "../command.ts";
import { CACHE_COMMAND } from "./cache.ts";
import { CLIENT_CONFIG_COMMAND } from "./client-config.ts";
import { createCompletionCommand } from "./completion.ts";
import { createConfigCommand } from "./config.ts";
import { DEMO_COMMAND } from "./demo.ts";
import { DIFF_COMMAND } from "./diff.ts";
import { DOCTOR_COMMAND } from "./doctor.ts";
import { EXPORT_COMMAND } from "./export.ts";
import { INSPECT_COMMAND } from "./inspect.ts";
import { LOGIN_COMMAND } from "./login.ts";
import { LOGOUT_COMMAND } from "./logout.ts";
import { OUTDATED_COMMAND } from "./outdated.ts";
import { PLAN_COMMAND } from "./plan.ts";
import { PRUNE_COMMAND } from "./prune.ts";
import { PULL_COMMAND } from "./pull.ts";
import { PUSH_COMMAND } from "./push.ts";
import { SERVE_COMMAND } from "./serve.ts";
import { TAGS_COMMAND } from "./tags.ts";
import { VERIFY_COMMAND } from "./verify.ts";
import { VERSION_COMMAND } from "./version.ts";
import { WAIT_COMMAND } from "./wait.ts";

/** All commands, in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  PULL_COMMAND,
  PUSH_COMMAND,
  PLAN_COMMAND,
  TAGS_COMMAND,
  OUTDATED_COMMAND,
  INSPECT_COMMAND,
  VERIFY_COMMAND,
  DIFF_COMMAND,
  PRUNE_COMMAND,
  EXPORT_COMMAND,
  SERVE_COMMAND,
  WAIT_COMMAND,
  CACHE_COMMAND,
  CLIENT_CONFIG_COMMAND,
  LOGIN_COMMAND,
  LOGOUT_COMMAND,
  DOCTOR_COMMAND,
  createConfigCommand(() => COMMANDS),
  DEMO_COMMAND,
  VERSION_COMMAND,
  createCompletionCommand(() => COMMANDS),
];

import { parseRepositoryReference } from "../../index.ts";
import { UsageError } from "../usage-error.ts";

/** Where the user of a registry goes instead. */
const USER_HINT = "Name the host alone";

/** The host of a registry, as references have it; throws `UsageError`. `userHint` says where a user name belongs. */
export function parseRegistry(text: string, userHint: string = USER_HINT): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/$/, "");
  try {
    // without a dot, a port or this name, a first part is no host
    if (/[.:]|^localhost$/.test(host) && !host.includes("/"))
      return parseRepositoryReference(`${host}/x`).registry;
  } catch {
    // said below in the words of this command
  }
  // what stands before an @ may be a password
  const shown = text.slice(text.lastIndexOf("@") + 1);
  if (shown !== text) {
    throw new UsageError(`Cannot use "${shown}" as registry: it has a user name before it`, {
      hint: userHint,
    });
  }
  throw new UsageError(
    `Cannot use "${text}" as registry: it is not a host like registry.local:5000`,
    { hint: "Name the host as in the references of images, with its port, without a path" },
  );
}

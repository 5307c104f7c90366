import { type Block, field } from "./header-block.ts";

/** What headers before an entry's own say about it. */
export interface Extensions {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
}

type Corrupt = (reason: string) => Error;

/** The data of a header that says something about other entries. */
export function parseExtension(type: Block["type"], bytes: Buffer, corrupt: Corrupt): Extensions {
  if (type === "long-name") return { path: field(bytes, 0, bytes.length) };
  if (type === "long-target") return { target: field(bytes, 0, bytes.length) };
  const records = parseRecords(bytes, corrupt);
  if ([...records.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw corrupt("the entry is a sparse file");
  }
  const [path, size] = [records.get("path"), records.get("size")];
  if (type === "global" && (path ?? size) !== undefined) {
    throw corrupt("a name or size is given for all entries");
  }
  if (size !== undefined && !/^\d{1,16}$/.test(size)) {
    throw corrupt(`the size "${size}" is unreadable`);
  }
  const target = records.get("linkpath");
  return {
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

/** Records of an extended header: `<length> <key>=<value>\n`, where the length counts itself. */
function parseRecords(bytes: Buffer, corrupt: Corrupt): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(digits);
    const record = bytes.toString("utf8", space + 1, end - 1);
    const equals = record.indexOf("=");
    if (!/^\d{1,6}$/.test(digits) || bytes[end - 1] !== 0x0a || end - 1 <= space || equals < 1) {
      throw corrupt("the extended header is unreadable");
    }
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

import type { Check, DoctorReport } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { renderTable } from "../table.ts";

/** One row for each check, then what to do about those that did not pass. */
export function renderDoctorReport({ registry, repository, usable, checks }: DoctorReport): string {
  const table = renderTable(
    [{ title: "CHECK" }, { title: "RESULT" }, { title: "DETAIL" }],
    checks.map(({ name, status, detail }) => [name, status, detail]),
  );
  const remedies = checks.flatMap(renderRemedy);
  const name = sanitize(`${registry}/${repository}`);
  const answer = usable ? `${name} can be used.` : `${name} cannot be used as it is.`;
  return [table, ...remedies, `${answer}\n`].join("");
}

function renderRemedy({ name, hint }: Check): readonly string[] {
  return hint === undefined ? [] : [`${sanitize(`${name}: ${hint}`)}\n`];
}

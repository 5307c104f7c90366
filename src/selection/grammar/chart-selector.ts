import { isRepositoryName } from "../../oci/reference.ts";
import type { ChartSelector, RegistryChart, RepositoryChart } from "./selection.ts";
import {
  asTag,
  createRefuse,
  isExact,
  parseFilter,
  parseImageSelector,
  type Refuse,
  splitSelector,
} from "./selector.ts";

const FORMS =
  "Write oci://registry/repository[@constraint], or https://repository#name[@constraint] for a repository with an index.yaml";

/**
 * Parses `oci://registry/repository[:tag|@digest|@constraint]` and `https://repository#name[@constraint]`, where a space may
 * stand for the `#`. A repository and a name are one value, so that lists, variables and files need no other rule for them.
 */
export function parseChartSelector(entry: string): ChartSelector {
  const refuse = createRefuse(entry, "includeCharts");
  const text = entry.trim();
  if (/^oci:\/\//i.test(text)) return parseRegistryChart(text, refuse);
  if (/^https?:\/\//i.test(text)) return parseRepositoryChart(text, refuse);
  throw refuse("it says neither a registry nor a repository", FORMS);
}

function parseRegistryChart(text: string, refuse: Refuse): RegistryChart {
  const [, host = "", rest = ""] = /^oci:\/\/([^/@\s]+)(\/.*)?$/i.exec(text) ?? [];
  const isHost = /[.:]/.test(host) || host === "localhost";
  if (!isHost) throw refuse(`"${host}" is no registry`, `${FORMS}; a short name needs its port`);
  // Helm has to know the server, everybody else calls it by its name
  const registry = host === "registry-1.docker.io" ? "docker.io" : host;
  const parsed = parseImageSelector(`${registry}${rest}`, "includeCharts");
  return { from: "registry", ...parsed, text };
}

function parseRepositoryChart(text: string, refuse: Refuse): RepositoryChart {
  const [, written = "", selector = ""] = /^(\S+?)(?:#|\s+|$)(.*)$/s.exec(text) ?? [];
  const { name, constraint } = splitSelector(selector, refuse);
  const address = parseAddress(written, refuse);
  if (name === "") throw refuse("the name of the chart is missing", FORMS);
  if (!isRepositoryName(name.toLowerCase()) || name.includes("/")) {
    throw refuse(`"${name}" is not the name of a chart`, FORMS);
  }
  const filter =
    constraint === undefined
      ? ({ kind: "default" } as const)
      : parseFilter(isExact(constraint) ? `=${asTag(constraint.slice(1))}` : constraint, refuse);
  return { from: "repository", text, address, name, filter };
}

/** The address is shown, printed and stored: nothing in it may be a secret. */
function parseAddress(written: string, refuse: Refuse): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || url.hostname === "") throw refuse("its address is none", FORMS);
  if (url.username !== "" || url.password !== "") {
    throw refuse(
      "it contains a user name or a password",
      "Drop everything up to the @, and store a login for the host",
    );
  }
  if (url.search !== "") {
    throw refuse("its address has a query, which may be a secret", "Drop everything from ? on");
  }
  return `${url.origin}${url.pathname.replace(/\/index\.yaml$/, "")}`.replace(/\/+$/, "");
}

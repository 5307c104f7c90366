import type { ClientDocuments } from "../client-document.ts";
import { checkAbsolutePath } from "../plain-words.ts";
import { proxyHostsOf, serveStepOf } from "../proxy-hosts.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const CADDY: Runtime = {
  name: "caddy",
  describe: "Caddy in front of serve: a host name for each registry",
  directory: "/etc/caddy",
  forms: ["host"],
  takesWildcard: false,
  plan: planCaddy,
};

function planCaddy(request: RuntimeRequest): ClientDocuments {
  const hosts = proxyHostsOf(request);
  const { port, certificate } = request.options.proxy;
  const { scheme, host } = request.routes;
  const sites = hosts.map(({ name }) => (port === 443 ? name : `${name}:${port}`));
  const files = certificate && [
    checkAbsolutePath("certFile", certificate.certFile),
    checkAbsolutePath("keyFile", certificate.keyFile),
  ];
  const text = [
    `${sites.join(", ")} {`,
    ...(files ? [`\ttls ${files.join(" ")}`] : []),
    "\tlog {",
    "\t\tformat filter {",
    "\t\t\twrap json",
    "\t\t\tfields {",
    "\t\t\t\trequest>headers>Authorization delete",
    "\t\t\t\trequest>headers>Cookie delete",
    "\t\t\t}",
    "\t\t}",
    "\t}",
    "\t@others not method GET HEAD",
    "\trespond @others 405",
    `\treverse_proxy ${scheme}://${host} {`,
    "\t\tflush_interval -1",
    "\t\theader_up Host {http.request.hostport}",
    "\t}",
    "}",
    "",
  ].join("\n");
  return {
    documents: [
      {
        path: "mirror.caddy",
        content: { format: "text", text, comment: "#" },
        applies: "after caddy reload, when the Caddyfile has: import mirror.caddy",
        validFor: "Caddy 2.5 and newer",
      },
    ],
    steps: [serveStepOf(hosts)],
  };
}

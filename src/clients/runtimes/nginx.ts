import type { ClientDocuments } from "../client-document.ts";
import { checkAbsolutePath } from "../plain-words.ts";
import { proxyHostsOf, serveStepOf } from "../proxy-hosts.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const NGINX: Runtime = {
  name: "nginx",
  describe: "nginx in front of serve: a host name for each registry",
  directory: "/etc/nginx",
  forms: ["host"],
  takesWildcard: false,
  plan: planNginx,
};

function planNginx(request: RuntimeRequest): ClientDocuments {
  const hosts = proxyHostsOf(request);
  const { domain } = request.options.proxy;
  const names = hosts.map(({ name }) => name);
  const text = [
    "# Certificates by certbot. Names that the Internet can reach:",
    `#   certbot certonly --webroot -w /var/www/certbot --cert-name ${domain} ${names.map((name) => `-d ${name}`).join(" ")}`,
    "# Names of a private network, with the plugin of the DNS provider:",
    `#   certbot certonly --dns-rfc2136 --cert-name ${domain} -d '*.${domain}'`,
    "# In both cases: --deploy-hook 'nginx -s reload'",
    "",
    ...redirectLines(names),
    ...serverLines(names, request),
  ].join("\n");
  return {
    documents: [
      {
        path: "conf.d/mirror.conf",
        content: { format: "text", text: `${text}\n`, comment: "#" },
        applies: "after nginx -t && nginx -s reload",
        validFor: "nginx 1.18 and newer",
      },
    ],
    steps: [serveStepOf(hosts)],
  };
}

function redirectLines(names: readonly string[]): string[] {
  return [
    "server {",
    "    listen 80;",
    "    listen [::]:80;",
    `    server_name ${names.join(" ")};`,
    "    location /.well-known/acme-challenge/ {",
    "        root /var/www/certbot;",
    "    }",
    "    location / {",
    "        return 301 https://$host$request_uri;",
    "    }",
    "}",
  ];
}

/** One block for all names: `serve` tells the registries apart. Bodies pass through as they come: a layer is never written to a temporary file of the proxy. */
function serverLines(names: readonly string[], { routes, options }: RuntimeRequest): string[] {
  const { domain, port, certificate } = options.proxy;
  const live = `/etc/letsencrypt/live/${domain}`;
  const certFile = checkAbsolutePath("certFile", certificate?.certFile ?? `${live}/fullchain.pem`);
  const keyFile = checkAbsolutePath("keyFile", certificate?.keyFile ?? `${live}/privkey.pem`);
  const upstream = `${routes.scheme}://${routes.host}${routes.path === "" ? "" : `/${routes.path}`}`;
  return [
    "server {",
    `    listen ${port} ssl;`,
    `    listen [::]:${port} ssl;`,
    `    server_name ${names.join(" ")};`,
    `    ssl_certificate ${certFile};`,
    `    ssl_certificate_key ${keyFile};`,
    "    client_max_body_size 0;",
    "    location / {",
    "        # GET allows HEAD as well",
    "        limit_except GET {",
    "            deny all;",
    "        }",
    `        proxy_pass ${upstream};`,
    "        proxy_http_version 1.1;",
    '        proxy_set_header Connection "";',
    "        proxy_set_header Host $http_host;",
    "        proxy_set_header X-Forwarded-Host $http_host;",
    "        proxy_set_header X-Forwarded-For $remote_addr;",
    "        proxy_set_header X-Forwarded-Proto $scheme;",
    "        proxy_buffering off;",
    "        proxy_request_buffering off;",
    "        proxy_max_temp_file_size 0;",
    "        proxy_read_timeout 900s;",
    "    }",
    "}",
  ];
}

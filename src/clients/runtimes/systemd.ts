import type { ClientDocuments } from "../client-document.ts";
import { checkAbsolutePath } from "../plain-words.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { serveWordsOf } from "../serve-command.ts";

export const SYSTEMD: Runtime = {
  name: "systemd",
  describe: "A unit that serves bundles before k3s, RKE2, containerd and the kubelet start",
  directory: "/etc/systemd/system",
  forms: ["ns"],
  takesWildcard: true,
  plan: planSystemd,
};

const CLIENT_UNITS = [
  "k3s.service",
  "k3s-agent.service",
  "rke2-server.service",
  "rke2-agent.service",
  "kubelet.service",
];

function planSystemd({ options }: RuntimeRequest): ClientDocuments {
  const { serve } = options;
  const words = serveWordsOf(serve, {
    bundleOf: (_index, path) => path,
    cache: "/var/cache/mirror",
    listen: `0.0.0.0:${serve.port}`,
  });
  // A percent sign begins a specifier of systemd
  const command = [checkAbsolutePath("program", serve.program), ...words].map((word) =>
    word.replaceAll("%", "%%"),
  );
  const text = [
    "[Unit]",
    "Description=Registry straight from bundles",
    "Wants=network.target",
    "After=network.target",
    `Before=${CLIENT_UNITS.join(" ")}`,
    ...(serve.bundles.length > 0 ? [`RequiresMountsFor=${serve.bundles.join(" ")}`] : []),
    "",
    "[Service]",
    // The unit is up when the program runs; clients try again in the moment until it listens
    "Type=exec",
    `ExecStart=${command.join(" ")}`,
    "Restart=always",
    "RestartSec=1",
    "DynamicUser=yes",
    "CacheDirectory=mirror",
    "LimitNOFILE=65536",
    ...HARDENING,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
  return {
    documents: [
      {
        path: "mirror.service",
        content: { format: "text", text, comment: "#" },
        applies: "after systemctl daemon-reload && systemctl enable --now mirror",
        validFor: "systemd 240 and newer",
      },
    ],
    steps: ["The unit's user has to be able to read the bundles: chmod -R a+rX"],
  };
}

const HARDENING = [
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=read-only",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectKernelTunables=yes",
  "ProtectKernelModules=yes",
  "ProtectControlGroups=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
  "RestrictNamespaces=yes",
  "LockPersonality=yes",
  "CapabilityBoundingSet=",
  "SystemCallArchitectures=native",
];

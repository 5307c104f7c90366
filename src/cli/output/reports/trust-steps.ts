import { isIP } from "node:net";
import { basename } from "node:path";
import type { OwnAuthority } from "../../../index.ts";

/** What has to be done on a client before it believes a certificate that was made here; each line is a command. */
export function renderTrustSteps(
  authority: OwnAuthority,
  { address, port }: { readonly address: string; readonly port: number },
): string {
  const { fingerprint, leftOut, names, path, validUntil } = authority;
  const place = `${placeOf(address, names)}:${port}`;
  const copy = quote(path);
  const install = `install -Dm644 ${copy}`;
  const file = "mirror-ca.crt";
  const hosts = `/etc/containerd/certs.d/${place}`;
  // A certificate alone makes it try plain HTTP at addresses of the same machine
  const hostsToml = `printf 'server = "https://${place}"\\n[host."https://${place}"]\\nca = "${hosts}/ca.crt"\\n'`;
  const steps: readonly (readonly [string, string])[] = [
    ["curl", `curl --cacert ${copy} https://${place}/v2/`],
    ["podman, buildah, skopeo, CRI-O", `${install} /etc/containers/certs.d/${place}/ca.crt`],
    ["Docker", `${install} /etc/docker/certs.d/${place}/ca.crt`],
    ["containerd", `${install} ${hosts}/ca.crt && ${hostsToml} > ${hosts}/hosts.toml`],
    [
      "Debian, Ubuntu",
      `${install} /usr/local/share/ca-certificates/${file} && update-ca-certificates`,
    ],
    ["Fedora, RHEL", `${install} /etc/pki/ca-trust/source/anchors/${file} && update-ca-trust`],
    [
      "as a mirror of other registries",
      `mirror client-config RUNTIME --mirror https://${place} --ca-file ${copy}`,
    ],
  ];
  return [
    `certificate for ${names.join(", ")}`,
    ...leftOut.map((name) => `warning: not for ${name}, which the authority may not vouch for`),
    `authority ${path}, until ${validUntil.slice(0, 10)}, SHA-256 ${fingerprint}`,
    `clients have to trust it; on another machine, copy ${basename(path)} there and write its path there:`,
    ...steps.map(([client, command]) => `  # ${client}\n  ${command}`),
    "",
  ].join("\n");
}

/** Under what others connect; an address that means all of them is none. */
function placeOf(address: string, names: readonly string[]): string {
  const isAll = address === "0.0.0.0" || address === "::";
  const place = isAll ? (names[0] ?? address) : address;
  return isIP(place) === 6 ? `[${place}]` : place;
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

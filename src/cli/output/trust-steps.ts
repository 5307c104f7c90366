import { isIP } from "node:net";
import { basename } from "node:path";
import type { OwnAuthority } from "../../index.ts";

/** What has to be done on a client before it believes a certificate that was made here; each line is a command. */
export function renderTrustSteps(
  authority: OwnAuthority,
  { address, port }: { readonly address: string; readonly port: number },
): string {
  const { fingerprint, leftOut, names, path, validUntil } = authority;
  const place = `${placeOf(address, names)}:${port}`;
  const copy = quote(path);
  const file = "mirror-ca.crt";
  const steps: readonly (readonly [string, string])[] = [
    ["curl", `curl --cacert ${copy} https://${place}/v2/`],
    [
      "podman, buildah, skopeo, CRI-O",
      `install -Dm644 ${copy} /etc/containers/certs.d/${place}/ca.crt`,
    ],
    ["Docker", `install -Dm644 ${copy} /etc/docker/certs.d/${place}/ca.crt`],
    ["containerd", `install -Dm644 ${copy} /etc/containerd/certs.d/${place}/ca.crt`],
    [
      "Debian, Ubuntu",
      `install -Dm644 ${copy} /usr/local/share/ca-certificates/${file} && update-ca-certificates`,
    ],
    [
      "Fedora, RHEL",
      `install -Dm644 ${copy} /etc/pki/ca-trust/source/anchors/${file} && update-ca-trust`,
    ],
    [
      "as a mirror of other registries",
      `mirror client-config RUNTIME --mirror https://${place} --ca-file ${copy}`,
    ],
  ];
  return [
    `certificate for ${names.join(", ")}`,
    ...leftOut.map((name) => `warning: not for ${name}, which the authority may not vouch for`),
    `authority ${path}, until ${validUntil.slice(0, 10)}, SHA-256 ${fingerprint}`,
    `clients have to trust it; on another machine, after copying ${basename(path)} there:`,
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

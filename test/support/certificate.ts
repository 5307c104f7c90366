import { runProcess } from "./run-process.ts";

export interface Certificate {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** Writes a self-signed certificate for `127.0.0.1` and `localhost`; it is its own CA. */
export async function createCertificate(directory: string): Promise<Certificate> {
  const certificatePath = `${directory}/certificate.pem`;
  const keyPath = `${directory}/key.pem`;
  const { exitCode, stderr } = await runProcess("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "2", "-subj", "/CN=mirror test", "-keyout", keyPath, "-out", certificatePath],
    ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
  ]);
  if (exitCode !== 0) throw new Error(`Cannot create a certificate: ${stderr}`);
  return { certificatePath, keyPath };
}

import { readFile, writeFile } from "node:fs/promises";
import { runProcess } from "../../support/run-process.ts";

export interface IssuedCertificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** As openssl writes it; default `IP:127.0.0.1,DNS:localhost`. */
  readonly names?: string;
  readonly expired?: boolean;
}

/** A private certificate authority in a directory. */
export interface Authority extends IssuedCertificate {
  readonly issue: (name: string, options?: IssueOptions) => Promise<IssuedCertificate>;
}

export async function createAuthority(
  directory: string,
  name = "mirror test CA",
): Promise<Authority> {
  const base = `${directory}/${name.replaceAll(" ", "-")}`;
  const [certificatePath, keyPath] = [`${base}.pem`, `${base}.key`];
  await openssl(
    ...["req", "-x509", ...NEW_KEY, "-days", "2", "-subj", `/CN=${name}`],
    ...["-keyout", keyPath, "-out", certificatePath],
  );
  const issue = async (subject: string, options: IssueOptions = {}) => {
    const own = `${base}.${subject}`;
    const names = options.names ?? "IP:127.0.0.1,DNS:localhost";
    await writeFile(`${own}.ext`, `subjectAltName=${names}\n`);
    await openssl(
      ...["req", "-new", ...NEW_KEY, "-subj", `/CN=${subject}`],
      ...["-keyout", `${own}.key`, "-out", `${own}.csr`],
    );
    await openssl(
      ...["x509", "-req", "-in", `${own}.csr`, "-CA", certificatePath, "-CAkey", keyPath],
      // a negative number of days ends before it begins: expired
      ...["-days", options.expired ? "-1" : "2", "-extfile", `${own}.ext`, "-out", `${own}.pem`],
    );
    return await read(`${own}.pem`, `${own}.key`);
  };
  return { ...(await read(certificatePath, keyPath)), issue };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function openssl(...args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProcess("openssl", args);
  if (exitCode !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
}

async function read(certificatePath: string, keyPath: string): Promise<IssuedCertificate> {
  const cert = await readFile(certificatePath, "utf8");
  return { certificatePath, keyPath, cert, key: await readFile(keyPath, "utf8") };
}

import type { ErrorCode } from "../../errors.ts";

/** What is looked at, in this order. */
export type CheckName =
  | "reach"
  | "tls"
  | "login"
  | "known"
  | "token"
  | "pull"
  | "push"
  | "upload-parts"
  | "part-limit"
  | "mount"
  | "referrers"
  | "clean-up";

export interface Check {
  readonly name: CheckName;
  /** `limited`: works in another way or up to a limit. `skipped`: could not be tried. */
  readonly status: "ok" | "limited" | "failed" | "skipped";
  readonly detail: string;
  /** Actions that a token says it allows at the repository: `pull`, `push`, `delete`. */
  readonly granted?: readonly string[];
  /** Of a failure. */
  readonly code?: ErrorCode;
  /** What to do about it. */
  readonly hint?: string;
}

export const DOCTOR_MEDIA_TYPE = "application/vnd.airgap-mirror.doctor.v1+json";

/** What `diagnose` found; the shape is a contract and its version grows when it changes. */
export interface DoctorReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof DOCTOR_MEDIA_TYPE;
  readonly registry: string;
  readonly repository: string;
  /** Nothing failed. */
  readonly usable: boolean;
  readonly checks: readonly Check[];
}

import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";

interface CriAnswer {
  /** Of gRPC: 0 for success. */
  readonly status: number;
  readonly message: string;
}

/** Pulls as kubelet does: asks again while containerd, which listens before it is ready, is not ready. */
export async function pullByCri(socket: string, image: string): Promise<CriAnswer> {
  for (;;) {
    const answer = await requestPull(socket, image);
    if (answer.message !== "server is not initialized yet") return answer;
  }
}

/** One call of gRPC over the socket of containerd. */
async function requestPull(socket: string, image: string): Promise<CriAnswer> {
  const session = connect("http://localhost", { createConnection: () => connectSocket(socket) });
  try {
    return await new Promise((resolve, reject) => {
      session.once("error", reject);
      const stream = session.request({
        ":method": "POST",
        ":path": "/runtime.v1.ImageService/PullImage",
        "content-type": "application/grpc",
        te: "trailers",
      });
      let status = Number.NaN;
      let message = "";
      const note = (headers: Readonly<Record<string, unknown>>) => {
        if (headers["grpc-status"] === undefined) return;
        status = Number(headers["grpc-status"]);
        message = String(headers["grpc-message"] ?? "");
      };
      stream.once("response", note).once("trailers", note).once("error", reject);
      stream.once("end", () => resolve({ status, message })).resume();
      stream.end(frame(field(1, field(1, Buffer.from(image)))));
    });
  } finally {
    session.close();
  }
}

/** Not compressed, and its length. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A field of protobuf that has a length; short ones only. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

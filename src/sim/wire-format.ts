import { FRAME_HEADER_BYTES } from '../base/frame.ts';
import { MessageEncoder, decodeMessage } from '../net/peer-codec.ts';
import type { WireFormat } from './network.ts';

/** The format in which servers talk in production, without the frames. */
export function peerWireFormat(): WireFormat {
  const encoder = new MessageEncoder();
  return {
    encode: (message) => {
      const frame = Buffer.concat(encoder.encode(message));
      encoder.forget();
      return frame.subarray(FRAME_HEADER_BYTES);
    },
    decode: (bytes) => decodeMessage(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
  };
}

// A server without a store: one short reply for as many bytes as a `set` of the standard shape has. Measures the load
// generator, not a database.
import { createServer } from 'node:net';
import { textWire } from '../wires/line-protocols.ts';
import { standard } from '../rows/standard.ts';

const unheard = {
  succeeded: () => undefined,
  missed: () => undefined,
  failed: () => undefined,
  say: () => undefined,
};
const requestBytes = textWire({ work: 'write', valueBytes: standard.valueBytes }, unheard).requestBytesMax;
const reply = 'OK 123456\r\n';

createServer({ noDelay: true }, (socket) => {
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    const requests = Math.floor(received / requestBytes);
    received -= requests * requestBytes;
    if (requests > 0) socket.write(reply.repeat(requests), 'latin1');
  });
  socket.on('error', () => socket.destroy());
}).listen(Number(process.argv[2]), '127.0.0.1');

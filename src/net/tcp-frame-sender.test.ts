import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_FRAME, FRAME_HEADER_BYTES } from '../base/frame.ts';
import { netLimits } from './net-limits.ts';
import { newCounters } from './tcp-context.ts';
import { FrameSender, type SenderSocket } from './tcp-frame-sender.ts';

const MIB = 1024 * 1024;

/** A socket that takes bytes when told to. */
class FakeSocket implements SenderSocket {
  readonly writes: Buffer[][] = [];
  readonly #dones: (() => void)[] = [];
  /** What it was destroyed for. */
  fault = '';

  write(buffers: readonly Buffer[], done?: () => void): void {
    this.writes.push([...buffers]);
    if (done !== undefined) this.#dones.push(done);
  }

  destroy(error: Error | null): void {
    this.fault = error?.message ?? 'nothing';
  }

  /** The system takes the oldest write. */
  take(): void {
    this.#dones.shift()?.();
  }

  get bytes(): number {
    return this.writes.flat().reduce((sum, buffer) => sum + buffer.length, 0);
  }
}

function makeSender(): { socket: FakeSocket; sender: FrameSender } {
  const socket = new FakeSocket();
  return { socket, sender: new FrameSender(socket, 'control', newCounters()) };
}

const ticks = (sender: FrameSender, count: number): void => {
  for (let i = 0; i < count; i++) sender.tick();
};

const answer = EMPTY_FRAME.subarray(FRAME_HEADER_BYTES);

test('what is queued in one turn leaves in one write', () => {
  const { socket, sender } = makeSender();
  for (let i = 0; i < 100; i++) sender.push([Buffer.of(i)]);
  assert.equal(socket.writes.length, 0);
  sender.flush();
  assert.equal(socket.writes.length, 1);
  assert.deepEqual(socket.writes[0], [Buffer.from(Array.from({ length: 100 }, (_, i) => i))]);
});

test('a socket is never given more than it may hold, and the rest as the system takes it', () => {
  const { socket, sender } = makeSender();
  const bytes = 3 * MIB + 17;
  sender.push([Buffer.alloc(bytes)]);
  sender.flush();
  assert.equal(socket.bytes, netLimits.socketBytesMax);
  assert.equal(sender.unsentBytes, bytes);
  for (let taken = 0; taken < bytes; taken += netLimits.writeBytesMax) {
    assert.ok(socket.bytes <= taken + netLimits.socketBytesMax);
    socket.take();
  }
  assert.equal(socket.bytes, bytes);
  assert.equal(sender.unsentBytes, 0);
});

test('a full queue has no room until it is sent', () => {
  const { socket, sender } = makeSender();
  sender.push([Buffer.alloc(netLimits.socketBytesMax)]);
  sender.flush();
  sender.push([Buffer.alloc(netLimits.controlQueueBytesMax - 1)]);
  assert.equal(sender.hasRoom, true);
  sender.push([Buffer.of(1)]);
  assert.equal(sender.hasRoom, false);
  socket.take();
  assert.equal(sender.hasRoom, true);
});

test('a sign of life is asked for once a second, again when it came', () => {
  const { socket, sender } = makeSender();
  sender.tick();
  assert.deepEqual(socket.writes, [[EMPTY_FRAME]]);
  sender.tick();
  assert.equal(socket.writes.length, 1);
  sender.onFrame(answer);
  sender.tick();
  assert.equal(socket.writes.length, 2);
});

test('a connection without a sign of life is given up, though the system still takes bytes', () => {
  const { socket, sender } = makeSender();
  sender.tick();
  for (let i = 0; i < netLimits.silentTicksMax; i++) {
    sender.push([Buffer.of(1)]);
    sender.flush();
    socket.take();
    sender.tick();
  }
  assert.equal(socket.fault, '');
  sender.tick();
  assert.match(socket.fault, /nothing gets through/);
});

test('a connection that stands for long is not given up', () => {
  const { socket, sender } = makeSender();
  for (let i = 0; i < 1_000; i++) {
    ticks(sender, netLimits.silentTicksMax);
    socket.take();
    sender.onFrame(answer);
  }
  assert.equal(socket.fault, '');
});

test('a slow connection lives as long as the system takes what stands before the question', () => {
  const { socket, sender } = makeSender();
  sender.push([Buffer.alloc(16 * MIB)]);
  sender.flush();
  for (let taken = 0; taken < 16 * MIB; taken += netLimits.writeBytesMax) {
    ticks(sender, netLimits.silentTicksMax - 1);
    socket.take();
  }
  assert.equal(socket.fault, '');
  ticks(sender, netLimits.silentTicksMax + 1);
  assert.notEqual(socket.fault, '');
});

test('a connection whose bytes nobody takes is given up', () => {
  const { socket, sender } = makeSender();
  sender.push([Buffer.alloc(16 * MIB)]);
  sender.flush();
  ticks(sender, netLimits.silentTicksMax + 2);
  assert.notEqual(socket.fault, '');
});

test('anything but the awaited sign of life ends the connection', () => {
  const unasked = makeSender();
  unasked.sender.onFrame(answer);
  assert.match(unasked.socket.fault, /only listens/);
  const chatty = makeSender();
  chatty.sender.tick();
  chatty.sender.onFrame(Buffer.of(1));
  assert.match(chatty.socket.fault, /only listens/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkState } from './check-state.ts';
import { Client, checkSaved, expire, open, run, set } from './kv.test-support.ts';
import { encodeLease, leaseKey, leaseMemberKey } from './leases.ts';
import type { MemoryStorage } from './memory-storage.ts';
import { expiryKey } from './expiry.ts';
import { recordKey } from './records.ts';

function saved(): MemoryStorage {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', 'value a'), set('b', 'value b', { ttlMs: 50 }), set('c\xff', '')]);
  machine.save();
  return storage;
}

const flip = (storage: MemoryStorage, key: string, at: number): void => {
  const bytes = Uint8Array.from(storage.get(key)!);
  bytes[at]! ^= 1;
  storage.put(key, bytes);
};

test('an empty storage is sound', () => {
  const { machine, storage } = open();
  assert.deepEqual(checkState(storage), {
    keyCount: 0,
    stateHash: machine.stateHash(),
    savedStateHash: machine.stateHash(),
  });
});

test('a saved state gives the hash that was kept up', () => {
  const opened = open();
  const client = new Client(opened.machine);
  for (let i = 0; i < 100; i++) client.do(i, set(`k${i % 30}`, `${i}`, { ttlMs: i % 3 === 0 ? 20 : 0 }));
  expire(opened.machine, 100);
  checkSaved(opened);
});

test('a damaged value names its key', () => {
  for (const [key, at] of [
    ['a', 33],
    ['b', 38],
    ['a', 28],
  ] as const) {
    const storage = saved();
    flip(storage, recordKey(key), at);
    assert.throws(() => checkState(storage), { code: 'STORE_DAMAGED', message: new RegExp(`key "${key}"`) });
  }
  const storage = saved();
  storage.put(recordKey('c\xff'), new Uint8Array(31));
  assert.throws(() => checkState(storage), { code: 'STORE_DAMAGED', message: /key "c\xff"/ });
});

test('damage that still looks right shows in the hash', () => {
  const changes: ((storage: MemoryStorage) => void)[] = [
    (storage) => flip(storage, recordKey('a'), 0),
    (storage) => flip(storage, recordKey('a'), 24),
    (storage) => storage.delete(recordKey('a')),
    (storage) => storage.put(recordKey('d'), storage.get(recordKey('a'))!),
    (storage) => {
      const [[key] = assert.fail()] = storage.range({ start: 's', end: 't' });
      flip(storage, key, 0);
    },
    (storage) => {
      const [, [reply] = assert.fail()] = storage.range({ start: 's', end: 't' });
      storage.delete(reply);
    },
    (storage) => flip(storage, 'vheader', 68),
  ];
  for (const change of changes) {
    const storage = saved();
    change(storage);
    const { stateHash, savedStateHash } = checkState(storage);
    assert.notEqual(stateHash, savedStateHash);
  }
});

test('an expiry index that does not fit the records is damage', () => {
  const missing = saved();
  missing.delete(expiryKey(50, 'b'));
  assert.throws(() => checkState(missing), { code: 'STORE_DAMAGED', message: /expiry of key "b"/ });
  const surplus = saved();
  surplus.put(expiryKey(50, 'z'), Uint8Array.of(0));
  assert.throws(() => checkState(surplus), { code: 'STORE_DAMAGED', message: /an entry too many/ });
});

test('leases are part of the hash, and what points to them and from them is checked', () => {
  const opened = open();
  const client = new Client(opened.machine);
  client.do(0, { op: 'lease-grant', ttlMs: 50 });
  client.do(0, set('a', 'x', { lease: 1 }));
  checkSaved(opened);
  const { stateHash } = checkState(opened.storage);
  const changed = (change: (storage: MemoryStorage) => void) => (): string => {
    const storage = opened.storage.copy();
    change(storage);
    return checkState(storage).stateHash;
  };
  const longer = changed((storage) => storage.put(leaseKey(1), encodeLease({ ttlMs: 51, expiresAtMs: 50 })));
  assert.notEqual(longer(), stateHash);
  const damages: [RegExp, (storage: MemoryStorage) => void][] = [
    [/lease of key "a"/, (storage) => storage.delete(leaseMemberKey(1, 'a'))],
    [/lease of key "a"/, (storage) => storage.delete(leaseKey(1))],
    [
      /keys of leases has an entry too many/,
      (storage) => storage.put(leaseMemberKey(1, 'b'), Uint8Array.of(0)),
    ],
    [/end of lease/, (storage) => storage.put(leaseKey(1), encodeLease({ ttlMs: 50, expiresAtMs: 51 }))],
    [/ends of leases has an entry too many/, (storage) => storage.put('y12345678', Uint8Array.of(0))],
    [/lease .* is damaged/, (storage) => storage.put(leaseKey(1), Uint8Array.of(1))],
  ];
  for (const [message, change] of damages) {
    assert.throws(changed(change), { code: 'STORE_DAMAGED', message });
  }
  const storage = opened.storage.copy();
  storage.put(leaseKey(1), Uint8Array.of(1));
  assert.throws(() => open({}, storage), { code: 'STORE_DAMAGED', message: /lease/ });
});

test('a machine does not start from a damaged state', () => {
  const changes: ((storage: MemoryStorage) => void)[] = [
    (storage) => storage.put('vheader', Uint8Array.of(1)),
    (storage) => flip(storage, 'vheader', 0),
    (storage) => {
      const [[key] = assert.fail()] = storage.range({ start: 's', end: 't' });
      storage.delete(key);
    },
    (storage) => {
      const [, [reply] = assert.fail()] = storage.range({ start: 's', end: 't' });
      storage.put(reply, Uint8Array.of(0xc1));
    },
    (storage) => {
      const [, [reply] = assert.fail()] = storage.range({ start: 's', end: 't' });
      storage.put(reply, Uint8Array.of(0x92, 99, 1));
    },
  ];
  for (const change of changes) {
    const storage = saved();
    change(storage);
    assert.throws(() => open({}, storage), { code: 'STORE_DAMAGED' });
  }
});

test('a state that was ended and emptied has the counters of its past in its hash', () => {
  const { machine } = open();
  const fresh = machine.stateHash();
  const client = new Client(machine);
  run(machine, { command: 'end-session', session: client.session }, 0);
  assert.notEqual(machine.stateHash(), fresh, 'the last id that was given out');
});

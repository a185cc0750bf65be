import { OrderedWire, template, type LineProtocol } from './ordered-wire.ts';
import { blankValue, KEY_BYTES, keyText, type MakeWire } from './wire.ts';

const CRLF = '\r\n';
const key = keyText(0);

/** kvraft's text protocol. */
const text: LineProtocol = {
  request: ({ work, valueBytes }) =>
    work === 'read'
      ? template('get ', key, '', '', CRLF)
      : template('set ', key, ` 0 ${valueBytes}${CRLF}`, blankValue(valueBytes), CRLF),
  acknowledgement: 'OK',
  valueMark: 'VALUE',
  missing: 'ERR_NOT_FOUND',
  valueTailBytes: CRLF.length,
};

/** memcached's classic text protocol. */
const memcached: LineProtocol = {
  request: ({ work, valueBytes }) =>
    work === 'read'
      ? template('get ', key, '', '', CRLF)
      : template('set ', key, ` 0 0 ${valueBytes}${CRLF}`, blankValue(valueBytes), CRLF),
  acknowledgement: 'STORED',
  valueMark: 'VALUE',
  missing: 'END',
  valueTailBytes: `${CRLF}END${CRLF}`.length,
};

/** redis, RESP2. */
const resp: LineProtocol = {
  request: ({ work, valueBytes }) => {
    const head = (count: number, name: string): string =>
      `*${count}${CRLF}$3${CRLF}${name}${CRLF}$${KEY_BYTES}${CRLF}`;
    return work === 'read'
      ? template(head(2, 'GET'), key, '', '', CRLF)
      : template(head(3, 'SET'), key, `${CRLF}$${valueBytes}${CRLF}`, blankValue(valueBytes), CRLF);
  },
  acknowledgement: '+OK',
  valueMark: '$',
  missing: '$-1',
  valueTailBytes: CRLF.length,
};

export const textWire: MakeWire = (shape, handler) => new OrderedWire(text, shape, handler);
export const memcachedWire: MakeWire = (shape, handler) => new OrderedWire(memcached, shape, handler);
export const respWire: MakeWire = (shape, handler) => new OrderedWire(resp, shape, handler);

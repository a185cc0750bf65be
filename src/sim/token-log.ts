type Fate = 'ok' | 'unknown' | 'not-applied';

/** Unique tokens that were appended to keys, and what became of each. */
export class TokenLog {
  readonly #keys = new Map<string, Map<string, { readonly lane: string; fate: Fate }>>();

  get keys(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Somebody is about to append the token, which ends in `;`; calls of a lane follow one another. */
  called(key: string, lane: string, token: string): void {
    const tokens = this.#keys.get(key) ?? new Map<string, { lane: string; fate: Fate }>();
    tokens.set(token, { lane, fate: 'unknown' });
    this.#keys.set(key, tokens);
  }

  ended(key: string, token: string, fate: Fate): void {
    const known = this.#keys.get(key)?.get(token);
    if (known !== undefined) known.fate = fate;
  }

  /**
   * What is wrong with the value of a key in the end: every confirmed token must stand there once, in the order of its
   * lane's calls, none that surely failed, and nothing twice.
   */
  check(key: string, value: string): string | null {
    const tokens = this.#keys.get(key) ?? new Map<string, never>();
    const places = new Map<string, number>();
    for (const [place, text] of value.split(';').slice(0, -1).entries()) {
      const token = `${text};`;
      if (places.has(token)) return `${key}: ${token} was appended twice`;
      if (!tokens.has(token)) return `${key}: nobody appended ${token}`;
      places.set(token, place);
    }
    const lastOf = new Map<string, number>();
    for (const [token, { lane, fate }] of tokens) {
      const place = places.get(token);
      if (fate === 'not-applied' && place !== undefined) return `${key}: ${token} was said to have failed`;
      if (fate !== 'ok') continue;
      if (place === undefined) return `${key}: ${token} was confirmed and is lost`;
      if (place < (lastOf.get(lane) ?? -1)) return `${key}: ${token} is out of order`;
      lastOf.set(lane, place);
    }
    return null;
  }
}

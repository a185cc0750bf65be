import { showText, textOfBytes } from '../text.ts';
import { AppendGuide } from './append-guide.ts';
import { narrowByGrowth } from './append-narrowing.ts';
import { appendTextsOf } from './append-texts.ts';
import type { Candidate, Guide, Model, PreparedModel } from './model.ts';
import { isBeginning, type ValueNode } from './value-node.ts';

/** `put` replaces the value of a key, `append` adds to its end (to an absent key as to an empty one), `get` reads it. */
export const appendModel: Model = {
  name: 'append',
  narrow: narrowByGrowth,
  prepare: (candidates) => new AppendLog(candidates),
};

class AppendLog implements PreparedModel<ValueNode> {
  /** The absent value; the others descend from it. */
  readonly initial: ValueNode = { id: 0, parent: undefined, piece: '', length: 0, children: new Map() };
  readonly #candidates: readonly Candidate[];
  /** What the operation writes or read; undefined if it found nothing. */
  readonly #text: readonly (string | undefined)[];
  readonly #isBinary: boolean;
  #nodes = 1;

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    ({ texts: this.#text, isBinary: this.#isBinary } = appendTextsOf(candidates));
  }

  step(state: ValueNode, i: number): ValueNode | undefined {
    const text = this.#text[i];
    switch (this.#kind(i)) {
      case 'get':
        return this.#reads(state, text) ? state : undefined;
      case 'append':
        return this.#child(state, text as string);
      default:
        return this.#child(this.initial, text as string);
    }
  }

  isObserver(i: number): boolean {
    return this.#kind(i) === 'get';
  }

  effectOf(i: number): string | undefined {
    return this.isObserver(i) ? undefined : `${this.#kind(i)} ${this.#text[i]}`;
  }

  guide(): Guide<ValueNode> {
    return new AppendGuide(this.#candidates, this.#text);
  }

  describe(state: ValueNode): string {
    if (state === this.initial) return 'absent';
    const shown = 60;
    let end = '';
    for (
      let node: ValueNode | undefined = state;
      node !== undefined && end.length < shown;
      node = node.parent
    ) {
      end = node.piece + end;
    }
    if (end.length === state.length && end.length <= shown) return this.#show(end);
    return `${state.length} ${this.#isBinary ? 'bytes' : 'characters'} that end in ${this.#show(end.slice(-shown))}`;
  }

  whyNot(state: ValueNode, i: number): string {
    const text = this.#text[i];
    const read = text === undefined ? 'nothing' : this.#show(text);
    return `it read ${read}, but the value is ${this.describe(state)}`;
  }

  #kind(i: number): string {
    return (this.#candidates[i] as Candidate).operation.kind;
  }

  #show(text: string): string {
    return showText(this.#isBinary ? textOfBytes(Buffer.from(text, 'latin1')) : text);
  }

  #reads(state: ValueNode, text: string | undefined): boolean {
    if (text === undefined || state === this.initial) return text === undefined && state === this.initial;
    if (text.length !== state.length || !isBeginning(state, text)) return false;
    state.whole = text;
    return true;
  }

  #child(parent: ValueNode, piece: string): ValueNode {
    let child = parent.children.get(piece);
    if (child === undefined) {
      const isPut = parent === this.initial;
      const length = parent.length + piece.length;
      child = { id: this.#nodes++, parent: isPut ? undefined : parent, piece, length, children: new Map() };
      parent.children.set(piece, child);
    }
    return child;
  }
}

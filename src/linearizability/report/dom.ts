/** As much of the browser's interfaces as the page uses; the rest of the program does not know of browsers. */

export interface PageElement {
  textContent: string | null;
  className: string;
  hidden: boolean;
  value: string;
  title: string;
  scrollTop: number;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly offsetWidth: number;
  readonly offsetHeight: number;
  readonly style: Record<string, string>;
  append(...children: PageElement[]): void;
  replaceChildren(...children: PageElement[]): void;
  addEventListener(type: string, listener: (event: PageEvent) => void, options?: { passive: boolean }): void;
  setPointerCapture(pointer: number): void;
  focus(): void;
}

export interface PageCanvas extends PageElement {
  width: number;
  height: number;
  getContext(kind: '2d'): Canvas2d;
}

export interface PageEvent {
  readonly offsetX: number;
  readonly offsetY: number;
  readonly clientX: number;
  readonly clientY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly buttons: number;
  readonly pointerId: number;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly key: string;
  readonly target: PageElement;
  preventDefault(): void;
}

export interface PageDocument {
  getElementById(id: string): PageElement;
  createElement(tag: string): PageElement;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
}

export interface PageWindow {
  readonly devicePixelRatio: number;
  readonly innerWidth: number;
  readonly innerHeight: number;
  requestAnimationFrame(callback: () => void): void;
  addEventListener(type: string, listener: () => void): void;
  matchMedia(query: string): {
    readonly matches: boolean;
    addEventListener(type: string, listener: () => void): void;
  };
}

export interface Canvas2d {
  fillStyle: string;
  strokeStyle: string;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: string;
  textBaseline: string;
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void;
  clearRect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, start: number, end: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  roundRect(x: number, y: number, width: number, height: number, radius: number): void;
  fill(): void;
  stroke(): void;
  save(): void;
  restore(): void;
  clip(): void;
  setLineDash(segments: number[]): void;
}

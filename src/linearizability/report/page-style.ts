/** The page's style sheet; the colours of the canvas are in `page-theme.ts`. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f8fa; --line: #d9dfe5; --text: #1c2126; --dim: #5d6873;
  --ok: #1a7f37; --illegal: #cf222e; --unknown: #9a6700; --accent: #2c6cbf; --chosen: #e3eefb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --panel: #191e24; --line: #2c343d; --text: #e3e8ee; --dim: #98a3af;
    --ok: #46b864; --illegal: #f0625b; --unknown: #d5a021; --accent: #5b9bea; --chosen: #213347;
  }
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  display: grid; grid-template: auto 1fr / 220px minmax(0, 1fr) auto;
  grid-template-areas: 'head head head' 'keys main order';
  background: var(--paper); color: var(--text); font: 14px/1.45 system-ui, sans-serif;
}
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: left; }
button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
header { grid-area: head; display: flex; align-items: baseline; gap: 14px; padding: 10px 16px; border-bottom: 1px solid var(--line); min-width: 0; }
h1 { font-size: 16px; margin: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#summary { color: var(--dim); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.verdict { font-weight: 600; padding: 1px 10px; border-radius: 12px; color: #fff; white-space: nowrap; }
.verdict.ok { background: #1a7f37; } .verdict.illegal { background: #cf222e; } .verdict.unknown { background: #9a6700; }
#side { grid-area: keys; display: flex; flex-direction: column; border-right: 1px solid var(--line); min-height: 0; }
#filter { margin: 10px; padding: 5px 8px; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; }
#keys { overflow: auto; padding-bottom: 10px; }
.key { display: flex; gap: 8px; width: 100%; padding: 3px 12px; align-items: baseline; }
.key:hover { background: var(--panel); } .key.chosen { background: var(--chosen); }
.key .name { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.key.all .name { color: var(--dim); }
.key .count, .note { color: var(--dim); font-size: 12px; } .note { padding: 4px 12px; }
.dot { width: 9px; height: 9px; border-radius: 50%; flex: none; }
.ok .dot { background: var(--ok); } .illegal .dot { background: var(--illegal); } .unknown .dot { background: var(--unknown); }
main { grid-area: main; display: flex; flex-direction: column; min-width: 0; min-height: 0; }
#faults { padding: 8px 16px; border-bottom: 1px solid var(--line); color: var(--illegal); max-height: 120px; overflow: auto; }
#faults p { margin: 0; } .link { text-decoration: underline; margin-right: 8px; }
#explanation { padding: 8px 16px; max-height: 140px; overflow: auto; }
#explanation p { margin: 0; overflow-wrap: anywhere; } #explanation .lead { font-size: 15px; }
.word { margin-left: 10px; } .word.ok { color: var(--ok); } .word.illegal { color: var(--illegal); } .word.unknown { color: var(--unknown); }
#tools { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; padding: 2px 16px 8px; }
#tools button { border: 1px solid var(--line); border-radius: 6px; padding: 2px 10px; background: var(--panel); }
#tools button:hover { border-color: var(--accent); }
#tools .pair { display: flex; } #tools .pair button { border-radius: 0; margin-left: -1px; }
#tools .pair button:first-child { border-radius: 6px 0 0 6px; margin: 0; } #tools .pair button:last-child { border-radius: 0 6px 6px 0; }
#tools .pair .on { background: var(--chosen); border-color: var(--accent); z-index: 1; }
#go { color: var(--illegal); font-weight: 600; }
#legend { display: flex; flex-wrap: wrap; gap: 4px 14px; color: var(--dim); font-size: 12px; }
#legend i { display: inline-block; width: 18px; height: 10px; border-radius: 3px; margin-right: 5px; border: 1px solid transparent; vertical-align: -1px; }
#legend .write { background: #2c6cbf; } #legend .read { background: #dbe9fa; border-color: #2c6cbf; }
#legend .later { background: #d5d9de; border-color: #6a747f; } #legend .left { border: 1px dashed #66717d; } #legend .no { background: #cf222e; }
#legend .path { height: 0; border: 0; border-top: 2px solid #b86e00; vertical-align: 3px; border-radius: 0; }
@media (prefers-color-scheme: dark) {
  #legend .read { background: #213a58; border-color: #5b9bea; } #legend .later { background: #2a3037; border-color: #98a3af; }
  #legend .write { background: #3f7fd0; } #legend .path { border-color: #f0b43c; }
}
#overview { width: 100%; height: 44px; flex: none; display: block; border-top: 1px solid var(--line); cursor: col-resize; touch-action: none; }
#timeline { width: 100%; flex: 1; min-height: 0; display: block; border-top: 1px solid var(--line); cursor: grab; touch-action: none; }
#help { padding: 4px 16px; color: var(--dim); font-size: 12px; border-top: 1px solid var(--line); }
kbd { font: inherit; border: 1px solid var(--line); border-radius: 3px; padding: 0 4px; }
#order-panel { grid-area: order; width: 300px; border-left: 1px solid var(--line); display: flex; flex-direction: column; min-height: 0; }
#order-panel[hidden] { display: none; }
#order-panel h2 { font-size: 13px; margin: 0; padding: 10px 14px; color: var(--dim); font-weight: 600; }
#order { overflow: auto; position: relative; flex: 1; } #order-rows { position: relative; }
.step { position: absolute; left: 0; right: 0; height: 40px; display: grid; grid-template: 20px 18px / 44px 1fr; padding: 1px 12px 1px 0; line-height: 19px; }
.step:hover { background: var(--panel); } .step.chosen { background: var(--chosen); }
.step .place { grid-row: 1 / 3; text-align: right; padding-right: 10px; color: var(--dim); font-size: 12px; }
.step .what { display: flex; gap: 8px; min-width: 0; } .step .label { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.step .who { color: var(--dim); font-size: 12px; white-space: nowrap; max-width: 90px; overflow: hidden; text-overflow: ellipsis; }
.step .state { color: var(--ok); font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.step.blocked .label, .step.blocked .state, .step.blocked .place { color: var(--illegal); font-weight: 600; }
.tip { position: fixed; z-index: 2; max-width: 480px; padding: 8px 12px; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 16px #0003; pointer-events: none; font-size: 13px; }
.tip[hidden] { display: none; } .tip.blocked { border-color: var(--illegal); }
.tip .row { display: flex; gap: 10px; } .tip .label { width: 62px; flex: none; color: var(--dim); } .tip .text { overflow-wrap: anywhere; }
@media (max-width: 1000px) { body { grid-template-columns: 160px minmax(0, 1fr) auto; } #order-panel { width: 220px; } }
`;

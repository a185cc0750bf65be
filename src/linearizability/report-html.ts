import { assert } from '../base/assert.ts';
import type { CheckResult } from './checker.ts';
import type { History } from './history.ts';
import * as camera from './report/page-camera.ts';
import * as draw from './report/page-draw.ts';
import * as layout from './report/page-layout.ts';
import * as main from './report/page-main.ts';
import * as panels from './report/page-panels.ts';
import { pageStyle } from './report/page-style.ts';
import * as theme from './report/page-theme.ts';
import { reportData } from './report/report-data.ts';

/**
 * A page that shows a history and what was found out about it: one HTML file that loads nothing else. `title`
 * names the history, for instance by its file.
 */
export function reportHtml(title: string, history: History, result: CheckResult): string {
  const data = JSON.stringify(reportData(title, history, result));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1><span id="verdict" class="verdict"></span><span id="summary"></span></header>
${BODY}
<script type="application/json" id="data">${escapeJson(data)}</script>
<script>'use strict';
${pageScript()}
new Page(JSON.parse(document.getElementById('data').textContent)).start();
</script>
</body>
</html>
`;
}

/** The program of the page: the functions and classes of its modules, as they were compiled. */
export function pageScript(): string {
  const parts = [layout, theme, camera, draw, panels, main].flatMap((each) =>
    Object.values(each).map(String),
  );
  const script = parts.join('\n');
  assert(!script.includes('</') && !script.includes('<!--'), 'nothing in the script ends the script');
  return script;
}

/** JSON that a script element can hold: no text in it can end the element. */
function escapeJson(json: string): string {
  return json.replaceAll('<', String.raw`\u003c`);
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const BODY = `<nav id="side">
<input id="filter" type="search" placeholder="find a key" aria-label="find a key">
<div id="keys"></div>
</nav>
<main>
<div id="faults" hidden></div>
<div id="explanation"></div>
<div id="tools">
<button id="go">Go to where it ends</button>
<span class="pair"><button id="even" class="on" title="each call and return takes the same room">By event</button><button id="clock" title="room in proportion to time">By time</button></span>
<span class="pair"><button id="out" title="zoom out">−</button><button id="in" title="zoom in">+</button></span>
<button id="all">All</button>
<span id="legend">
<span><i class="write"></i>write</span><span><i class="read"></i>read</span><span><i class="path"></i>order of effect</span>
<span><i class="no"></i>no place</span><span><i class="later"></i>after that, or not placed</span><span><i class="left"></i>left out</span>
</span>
</div>
<canvas id="overview"></canvas>
<canvas id="timeline"></canvas>
<div id="help">wheel: zoom · drag: move · <kbd>shift</kbd>+wheel: sideways · <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move · <kbd>+</kbd> <kbd>-</kbd> zoom · <kbd>n</kbd> <kbd>p</kbd> next and previous in the order · <kbd>e</kbd> where it ends · <kbd>f</kbd> all</div>
</main>
<section id="order-panel"><h2>Order, with the state after each</h2><div id="order"><div id="order-rows"></div></div></section>
<div id="tip" class="tip" hidden></div>`;

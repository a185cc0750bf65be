export * from './checker.ts';
export { HistoryReader, formatHistory, parseHistory } from './history-json.ts';
export * from './history.ts';
export { HistoryRecorder, type RecordedCall } from './recorder.ts';
export { reportHtml } from './report-html.ts';
export { clientName, showText, textOfBytes, type Text } from './text.ts';

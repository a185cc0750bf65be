export { ProcessControl } from './process-control.ts';
export { formatJunit, formatResult, formatSummary, summarize } from './report.ts';
export { allChecks, chooseChecks, runChecks, type CheckResult } from './run.ts';
export { System, type Server, type SystemOptions } from './system.ts';

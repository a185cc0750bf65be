import type { Bar } from './page-layout.ts';

/** Colours; `write` and `read` are the fills of operations in the order. */
export interface Theme {
  readonly paper: string;
  readonly band: string;
  readonly line: string;
  readonly text: string;
  readonly dim: string;
  readonly write: string;
  readonly onWrite: string;
  readonly read: string;
  readonly onRead: string;
  readonly edge: string;
  readonly later: string;
  readonly onLater: string;
  readonly blocked: string;
  readonly onBlocked: string;
  readonly path: string;
  readonly focus: string;
  readonly stateA: string;
  readonly stateB: string;
}

export function themeOf(isDark: boolean): Theme {
  if (isDark) {
    return {
      paper: '#14181d',
      band: '#191e24',
      line: '#2c343d',
      text: '#e3e8ee',
      dim: '#8d99a6',
      write: '#3f7fd0',
      onWrite: '#ffffff',
      read: '#213a58',
      onRead: '#c3dcfa',
      edge: '#5b9bea',
      later: '#2a3037',
      onLater: '#98a3af',
      blocked: '#d8352f',
      onBlocked: '#ffffff',
      path: '#f0b43c',
      focus: '#f0b43c',
      stateA: '#23382d',
      stateB: '#1b2c24',
    };
  }
  return {
    paper: '#ffffff',
    band: '#f6f8fa',
    line: '#d9dfe5',
    text: '#1c2126',
    dim: '#66717d',
    write: '#2c6cbf',
    onWrite: '#ffffff',
    read: '#dbe9fa',
    onRead: '#173f70',
    edge: '#2c6cbf',
    later: '#eceef1',
    onLater: '#6a747f',
    blocked: '#cf222e',
    onBlocked: '#ffffff',
    path: '#b86e00',
    focus: '#b86e00',
    stateA: '#d9efe0',
    stateB: '#ecf7ef',
  };
}

/** How a bar looks. */
export interface Paint {
  readonly fill: string;
  readonly text: string;
  readonly edge: string;
  readonly isDashed: boolean;
}

export function paintOf(bar: Bar, isWrite: boolean, theme: Theme): Paint {
  switch (bar.status) {
    case 'blocked':
      return { fill: theme.blocked, text: theme.onBlocked, edge: theme.blocked, isDashed: false };
    case 'placed':
      return isWrite
        ? { fill: theme.write, text: theme.onWrite, edge: theme.write, isDashed: false }
        : { fill: theme.read, text: theme.onRead, edge: theme.edge, isDashed: false };
    case 'later':
      return { fill: theme.later, text: theme.onLater, edge: theme.onLater, isDashed: false };
    default:
      return { fill: theme.paper, text: theme.dim, edge: theme.dim, isDashed: true };
  }
}

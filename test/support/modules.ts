import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const IMPORTS = [
  /^(?:import|export)\s(?:[\w\s{},*$]*\bfrom )?'([^']+)'/gm,
  /\bimport\('([^']+)'\)/g,
  /new URL\('([^'/]+\.js)', import\.meta\.url\)/g,
];

/** What a compiled module names, as it names it: other modules, and the threads that it starts. */
export function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const [modules = [], dynamic = [], threads = []] = IMPORTS.map((pattern) =>
    Array.from(text.matchAll(pattern), ([, name = '']) => name),
  );
  return [...modules, ...dynamic, ...threads.map((name) => `./${name}`)];
}

/** All modules of this package that a module loads, and by name all others. */
export function graphOf(entry: string): { readonly files: Set<string>; readonly names: Set<string> } {
  const files = new Set<string>();
  const names = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) visit(join(dirname(file), name));
      else names.add(name);
    }
  };
  visit(entry);
  return { files, names };
}

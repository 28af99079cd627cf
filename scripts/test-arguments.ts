import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface TestArguments {
  files: string[];
  /** For `node --test`. */
  flags: string[];
}

/**
 * Splits the arguments of `npm test --` into test files and flags of Node's test runner. Folders stand for the test files in
 * them; without either, `root` does.
 */
export function parseTestArguments(args: string[], root: string): TestArguments {
  const selected: string[] = [];
  const flags: string[] = [];
  for (const arg of args) {
    if (!arg.startsWith('-') && existsSync(arg)) selected.push(arg);
    else if (arg.startsWith('-') || isValue(flags.at(-1))) flags.push(arg);
    else throw new Error(`There is no test file or folder ${arg}`);
  }
  const files = (selected.length > 0 ? selected : [root]).flatMap(listTestFiles);
  if (files.length === 0) throw new Error(`No *.test.ts in ${selected.join(', ') || root}`);
  return { files, flags };
}

/** `--test-name-pattern retries` is as good as `--test-name-pattern=retries`. */
function isValue(flagBefore: string | undefined): boolean {
  return flagBefore?.startsWith('--') === true && !flagBefore.includes('=');
}

function listTestFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(path, name));
}

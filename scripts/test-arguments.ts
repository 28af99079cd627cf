import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface TestArguments {
  files: string[];
  /** For `node --test`. */
  flags: string[];
}

/**
 * Splits the arguments of `npm test --` into test files and flags of Node's test runner. A folder stands for the test files in
 * it; without files and folders, `root` is used.
 */
export function parseTestArguments(args: readonly string[], root: string): TestArguments {
  const selected: string[] = [];
  const flags: string[] = [];
  for (const arg of args) {
    if (!arg.startsWith('-') && existsSync(arg)) selected.push(arg);
    else if (arg.startsWith('-') || takesValue(flags.at(-1))) flags.push(arg);
    else throw new Error(`There is no test file or folder ${arg}`);
  }
  const files = (selected.length > 0 ? selected : [root]).flatMap(listTestFiles);
  if (files.length === 0) throw new Error(`No *.test.ts in ${selected.join(', ') || root}`);
  return { files, flags };
}

/** `--test-name-pattern retries` is the same as `--test-name-pattern=retries`. */
function takesValue(previousFlag: string | undefined): boolean {
  return previousFlag?.startsWith('--') === true && !previousFlag.includes('=');
}

function listTestFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(path, name));
}

import { readFileSync } from 'node:fs';

/** One folder up from `src/`, and from `dist/`, where all modules are in one folder. */
const packageFile = new URL('../package.json', import.meta.url);

/** The version of this package. */
export const version: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;

import { readFileSync } from 'node:fs';

/** One folder up from `src/` and from `dist/`. */
const packageFile = new URL('../package.json', import.meta.url);

/** The version of this package. */
export const version: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;

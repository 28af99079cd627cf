import { readFileSync } from 'node:fs';

/** One folder up, from the sources as from the build. */
const packageFile = new URL('../package.json', import.meta.url);

/** Of this package. */
export const version: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;

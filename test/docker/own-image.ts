import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import type { ComposeService } from './load-compose.js';
import { parseDockerfile } from './parse-dockerfile.js';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Of the image that docker/Dockerfile makes. */
export const OWN_IMAGE = 'bctrl-temporal';

export const dockerfile = parseDockerfile(await readFile(join(REPOSITORY, 'docker/Dockerfile'), 'utf8'));

export const localEnv = parseEnv(await readFile(join(REPOSITORY, 'docker/local.env'), 'utf8')) as Record<
  string,
  string
>;

const imageEnv: Record<string, string> = Object.fromEntries(
  dockerfile.filter(({ name }) => name === 'ENV').flatMap(({ args }) => args.map((arg) => arg.split('='))),
);
const imageCommand = dockerfile.findLast(({ name }) => name === 'CMD')?.json ?? [];

/** All variables that a container gets, unless docker/.env has others. */
export function environmentOf({ image, env_file, environment }: ComposeService): Record<string, string> {
  return { ...(image === OWN_IMAGE && imageEnv), ...(env_file && localEnv), ...environment };
}

export function commandOf({ image, entrypoint, command }: ComposeService): string[] {
  return [...(entrypoint ?? []), ...(command ?? (image === OWN_IMAGE ? imageCommand : []))];
}

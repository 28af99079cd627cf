import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv, promisify } from 'node:util';
import { imageDefaults, REPOSITORY } from './dockerfile.js';

/** The name of the image that docker/Dockerfile makes. */
export const OWN_IMAGE = 'bctrl-temporal';

/** The part of a loaded project that the tests look at. */
export interface ComposeProject {
  services: Record<string, ComposeService>;
}

export interface ComposeService {
  image: string;
  build?: { context: string; dockerfile: string };
  entrypoint: string[] | null;
  command: string[] | null;
  environment?: Record<string, string>;
  env_file?: { path: string; required?: boolean }[];
  ports?: { host_ip?: string; target: number; published: string }[];
  volumes?: { type: 'bind' | 'volume'; source: string; target: string; read_only?: boolean }[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  profiles?: string[];
  restart?: string;
  init?: boolean;
  stop_grace_period?: string;
}

/** The loader is Docker Compose's own, which is written in Go. CI has Go; a developer may do without. */
export const needsGo = hasGo() || process.env['CI'] ? {} : { skip: 'needs Go' };

export const localEnv = parseEnv(await readFile(join(REPOSITORY, 'docker/local.env'), 'utf8')) as Record<
  string,
  string
>;

/** Loads files of the repository as Docker Compose does. Rejects with what it would print. */
export async function loadCompose(...files: string[]): Promise<ComposeProject> {
  const run = promisify(execFile);
  const source = fileURLToPath(new URL('compose-config', import.meta.url));
  const paths = files.map((file) => resolve(REPOSITORY, file));
  try {
    return JSON.parse((await run('go', ['run', '-buildvcs=false', '.', ...paths], { cwd: source })).stdout);
  } catch (error) {
    throw new Error((error as { stderr: string }).stderr);
  }
}

export function getService({ services }: ComposeProject, name: string): ComposeService {
  const service = services[name];
  if (!service) throw new Error(`there is no service ${name}`);
  return service;
}

/** All variables of a container, unless docker/.env overrides them. */
export function getEnvironment({ image, env_file, environment }: ComposeService): Record<string, string> {
  return { ...(image === OWN_IMAGE && imageDefaults.env), ...(env_file && localEnv), ...environment };
}

export function getCommand({ image, entrypoint, command }: ComposeService): string[] {
  return [...(entrypoint ?? []), ...(command ?? (image === OWN_IMAGE ? imageDefaults.cmd : []))];
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

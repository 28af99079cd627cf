import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What Docker Compose understands of its files; here what the tests look at. */
export interface ComposeProject {
  name: string;
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

export function serviceOf({ services }: ComposeProject, name: string): ComposeService {
  const service = services[name];
  if (!service) throw new Error(`there is no service ${name}`);
  return service;
}

export interface ComposeLoader {
  /** Rejects with what Docker Compose would say. */
  load(...files: string[]): Promise<ComposeProject>;
  remove(): Promise<void>;
}

/** The loader is Docker Compose's own, which is in Go. CI has Go; a developer may do without. */
export const needsGo = hasGo() || process.env['CI'] ? {} : { skip: 'needs Go' };

export async function buildComposeLoader(): Promise<ComposeLoader> {
  const run = promisify(execFile);
  const folder = await mkdtemp(join(tmpdir(), 'compose-'));
  const program = join(folder, 'compose-config');
  const source = fileURLToPath(new URL('compose-config', import.meta.url));
  await run('go', ['build', '-buildvcs=false', '-o', program, '.'], { cwd: source });
  return {
    async load(...files) {
      try {
        return JSON.parse((await run(program, files, { env: {} })).stdout);
      } catch (error) {
        throw new Error((error as { stderr: string }).stderr);
      }
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

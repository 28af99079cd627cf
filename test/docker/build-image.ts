import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Instruction, parseDockerfile } from './parse-dockerfile.js';
import { createIgnore } from './parse-dockerignore.js';

const run = promisify(execFile);

/** What a Dockerfile makes, as a folder. */
export interface Image {
  /** The folder that is `/` in the image. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  baseImage: string;
  user: string;
  exposed: string[];
  cmd: string[];
  healthcheck: string[];
}

interface BuildOptions {
  dockerfile: string;
  contextDir: string;
  /** An empty folder; nothing is written outside of it. */
  into: string;
}

/**
 * Executes the instructions of a Dockerfile without containers: each stage is a folder, base images are what this
 * machine has, owners and users are left as they are. It knows what our Dockerfile uses, and rejects anything else.
 */
export async function buildImage({ dockerfile, contextDir, into }: BuildOptions): Promise<Image> {
  const context = join(into, 'context');
  await copyContext(contextDir, context);
  const stages = new Map<string, Image>();
  let image: Image | undefined;
  for (const instruction of parseDockerfile(await readFile(dockerfile, 'utf8'))) {
    if (instruction.name === 'FROM') {
      const [base = '', , name = 'final'] = instruction.args;
      image = await startStage(base, stages.get(base), join(into, name));
      stages.set(name, image);
    } else if (image) {
      await execute(instruction, image, { context, stages, into });
    }
  }
  if (!image) throw new Error(`${dockerfile} has no FROM`);
  return image;
}

async function startStage(base: string, stage: Image | undefined, root: string): Promise<Image> {
  await mkdir(root, { recursive: true });
  if (!stage) {
    const nothing = { env: {}, user: 'root', exposed: [], cmd: [], healthcheck: [] };
    return { ...nothing, root, workdir: '/', baseImage: base };
  }
  await copyTree(stage.root, root);
  return { ...stage, env: { ...stage.env }, exposed: [...stage.exposed], root };
}

interface Build {
  context: string;
  stages: Map<string, Image>;
  into: string;
}

async function execute({ name, args, flags, json }: Instruction, image: Image, build: Build): Promise<void> {
  switch (name) {
    case 'WORKDIR':
      image.workdir = join(image.workdir, args[0]?.startsWith('/') ? '/' : '', args[0] ?? '');
      await mkdir(join(image.root, image.workdir), { recursive: true });
      return;
    case 'ENV':
      for (const assignment of args) {
        const [variable = '', ...value] = assignment.split('=');
        image.env[variable] = value.join('=');
      }
      return;
    case 'COPY':
      return copy(args, flags['from'] === undefined ? build.context : rootOf(flags['from'], build), image);
    case 'RUN':
      return runInside(args.join(' '), image, build.into);
    case 'USER':
      image.user = args[0] ?? '';
      return;
    case 'EXPOSE':
      image.exposed.push(...args);
      return;
    case 'HEALTHCHECK':
      image.healthcheck = json ?? [];
      return;
    case 'CMD':
      image.cmd = json ?? [];
      return;
    default:
      throw new Error(`the test does not know ${name}`);
  }
}

function rootOf(stage: string, { stages }: Build): string {
  const found = stages.get(stage);
  if (!found) throw new Error(`there is no stage ${stage}`);
  return found.root;
}

async function copy(args: readonly string[], from: string, image: Image): Promise<void> {
  const sources = args.slice(0, -1);
  const target = args.at(-1) ?? '';
  const to = join(image.root, target.startsWith('/') ? '' : image.workdir, target);
  for (const source of sources) {
    const path = join(from, source);
    if ((await stat(path)).isDirectory()) await copyTree(path, to);
    else if (target.endsWith('/')) await cp(path, join(to, source.split('/').at(-1) ?? ''));
    else await cp(path, to);
  }
}

/** The contents of one folder into another; many times faster than `fs.cp` for a `node_modules`. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await run('cp', ['-R', `${from}/.`, to]);
}

async function runInside(command: string, { root, workdir, env }: Image, into: string): Promise<void> {
  const { NODE_TEST_CONTEXT: _, ...outside } = process.env;
  const tmp = join(into, 'tmp');
  await mkdir(tmp, { recursive: true });
  const confined = { TMPDIR: tmp, npm_config_cache: join(into, 'npm-cache') };
  await run('sh', ['-c', command], { cwd: join(root, workdir), env: { ...outside, ...confined, ...env } });
}

/** What Docker would be sent: everything that `.dockerignore` does not keep back. */
async function copyContext(from: string, to: string): Promise<void> {
  const ignore = createIgnore(await readFile(join(from, '.dockerignore'), 'utf8'));
  const walk = async (folder: string) => {
    for (const entry of await readdir(join(from, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!ignore.wholly(path)) await walk(path);
      } else if (!ignore.ignores(path)) {
        await mkdir(dirname(join(to, path)), { recursive: true });
        await cp(join(from, path), join(to, path));
      }
    }
  };
  await walk('');
}

import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { REPOSITORY } from '../../docs/markdown.js';

const FOLDER = 'examples/kubernetes';

interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  timeoutSeconds: number;
  failureThreshold?: number;
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  envFrom: { configMapRef: { name: string } }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  lifecycle?: unknown;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: {
    allowPrivilegeEscalation: boolean;
    readOnlyRootFilesystem: boolean;
    capabilities: { drop: string[] };
  };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[];
}

/** The part of an object that the tests look at. */
export interface Manifest {
  kind: string;
  metadata: { name: string; labels: Record<string, string> };
  data?: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own
  spec?: any;
}

/** Loads manifests as Kubernetes does, with strict field validation. Rejects with what it would print. */
export async function loadManifests(...files: string[]): Promise<Manifest[]> {
  const cwd = fileURLToPath(new URL('strict-decode', import.meta.url));
  const paths = files.map((file) => resolve(REPOSITORY, file));
  try {
    const { stdout } = await promisify(execFile)('go', ['run', '-buildvcs=false', '.', ...paths], { cwd });
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error((error as { stderr: string }).stderr);
  }
}

/** The manifests of the examples, by their paths from the repository's root. */
export async function listManifestFiles(): Promise<string[]> {
  const names = await readdir(join(REPOSITORY, FOLDER));
  return names.filter((name) => name.endsWith('.yaml')).map((name) => join(FOLDER, name));
}

export function getManifest(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  if (found.length !== 1 || !found[0]) throw new Error(`there are ${found.length} of ${kind}`);
  return found[0];
}

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { readWorkerConfig } from '../../../src/config.js';
import { needsGo } from '../../docker/compose.js';
import { imageDefaults, REPOSITORY } from '../../docker/dockerfile.js';
import { readPage } from '../../docs/markdown.js';
import { type Container, getManifest, listManifestFiles, loadManifests, type Manifest } from './manifests.js';

/** After its grace time the worker aborts, and ends within this time: `SHUTDOWN_FORCE_TIME_MS`. */
const FORCE_TIME_MS = 8_000;

describe('examples/kubernetes', needsGo, () => {
  let manifests: Manifest[];
  let deployment: Manifest;
  let pod: Manifest['spec'];
  let worker: Container;
  let env: Record<string, string>;
  before(async () => {
    manifests = await loadManifests(...(await listManifestFiles()));
    deployment = getManifest(manifests, 'Deployment');
    pod = deployment.spec.template.spec;
    [worker] = pod.containers;
    env = { ...imageDefaults.env, ...getManifest(manifests, 'ConfigMap').data };
  });

  test('is decoded by the types of Kubernetes, which refuse unknown fields and wrong types', async (t) => {
    assert.deepEqual(
      manifests.map(({ kind }) => kind),
      ['HorizontalPodAutoscaler', 'ConfigMap', 'Deployment', 'PodDisruptionBudget'],
    );
    const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
    t.after(() => rm(folder, { recursive: true }));
    const good = await readPage('examples/kubernetes/worker.yaml');
    const refused: [from: string, to: string, message: RegExp][] = [
      [
        'readinessProbe:',
        'readynessProbe:',
        /unknown field "spec.template.spec.containers\[0\].readynessProbe"/,
      ],
      ['replicas: 2', 'replicas: two', /cannot unmarshal string into .*replicas/],
      ['kind: Deployment', 'kind: Deploiment', /no kind "Deploiment" is registered/],
      ['  replicas: 2', '  replicas: 2\n  replicas: 3', /replicas.* already set/],
    ];
    for (const [from, to, message] of refused) {
      assert.ok(good.includes(from), from);
      const file = join(folder, 'worker.yaml');
      await writeFile(file, good.replace(from, to));
      await assert.rejects(loadManifests(file), message);
    }
  });

  test('selects its own pods everywhere', () => {
    const { labels } = deployment.spec.template.metadata;
    assert.deepEqual(deployment.spec.selector.matchLabels, labels);
    assert.deepEqual(getManifest(manifests, 'PodDisruptionBudget').spec.selector.matchLabels, labels);
    const { kind, name } = getManifest(manifests, 'HorizontalPodAutoscaler').spec.scaleTargetRef;
    assert.deepEqual([kind, name], ['Deployment', deployment.metadata.name]);
    assert.deepEqual(worker.envFrom, [
      { configMapRef: { name: getManifest(manifests, 'ConfigMap').metadata.name } },
    ]);
  });

  test('keeps a worker while another starts, and while a node is drained', () => {
    const { replicas, strategy } = deployment.spec;
    assert.equal(strategy.rollingUpdate.maxUnavailable, 0);
    assert.ok(getManifest(manifests, 'PodDisruptionBudget').spec.minAvailable < replicas);
  });

  test('sets only variables that are read, to values that the worker takes', async (t) => {
    const sources = (await readdir(join(REPOSITORY, 'src'))).filter((name) => name.endsWith('.ts'));
    const texts = await Promise.all(sources.map((name) => readPage(`src/${name}`)));
    const known = new Set(texts.join('').match(/\b(BCTRL|TEMPORAL)_[A-Z_]+\b/g));
    // Read by the SDK.
    for (const name of ['NODE_ENV', 'TEMPORAL_NAMESPACE']) known.add(name);
    for (const name of Object.keys(env)) assert.ok(known.has(name), name);

    const folder = await mkdtemp(join(tmpdir(), 'keys-'));
    t.after(() => rm(folder, { recursive: true }));
    const withFiles = { ...env };
    for (const [name, path] of keyFiles()) {
      withFiles[name] = join(folder, basename(path));
      await writeFile(withFiles[name], 'a-key\n');
    }
    const config = readWorkerConfig(withFiles);
    assert.equal(config.temporal.connectionOptions.apiKey, 'a-key');
    assert.deepEqual(config.healthAddress, { host: '0.0.0.0', port: portOf('health') });
    assert.deepEqual(config.metricsAddress, { host: '0.0.0.0', port: portOf('metrics') });
    assert.equal(config.taskQueue, 'bctrl-runtime-files');
  });

  test('has the keys as files of a Secret that changes under a running worker', async () => {
    const [keys] = worker.volumeMounts;
    assert.ok(keys?.readOnly);
    assert.equal(keys.subPath, undefined);
    const volume = pod.volumes.find(({ name }: { name: string }) => name === keys.name);
    const command = `kubectl create secret generic ${volume.secret.secretName} --from-file=bctrl-api-key --from-file=temporal-api-key`;
    for (const page of ['examples/kubernetes/worker.yaml', 'docs/runbook.md']) {
      assert.ok((await readPage(page)).includes(command), page);
    }
    for (const [, path] of keyFiles()) {
      assert.equal(dirname(path), keys.mountPath);
      assert.ok(command.includes(`--from-file=${basename(path)}`), path);
    }
  });

  test('probes paths that the worker serves, with the time that they may take', async () => {
    const served = await readPage('src/worker/serve-health.ts');
    const probes = [worker.startupProbe, worker.livenessProbe, worker.readinessProbe];
    assert.deepEqual(
      probes.map(({ httpGet }) => httpGet.path),
      ['/livez', '/livez', '/readyz'],
    );
    for (const { httpGet, timeoutSeconds } of probes) {
      assert.ok(served.includes(`'${httpGet.path}'`));
      assert.equal(httpGet.port, 'health');
      assert.ok(timeoutSeconds >= 3);
    }
  });

  test('gives the worker longer to stop than it takes', () => {
    const { shutdownGraceTimeMs } = readWorkerConfig({ ...env, ...plainKeys() });
    assert.equal(worker.lifecycle, undefined);
    assert.ok(pod.terminationGracePeriodSeconds * 1_000 > shutdownGraceTimeMs + FORCE_TIME_MS);
  });

  test('runs the image as its own user, without privileges', async () => {
    assert.match(await readPage('docker/Dockerfile'), /^USER node$/m);
    const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
    assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile.type], [true, 1000, 'RuntimeDefault']);
    assert.equal(pod.automountServiceAccountToken, false);
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = worker.securityContext;
    assert.deepEqual([allowPrivilegeEscalation, readOnlyRootFilesystem], [false, true]);
    assert.deepEqual(capabilities.drop, ['ALL']);
    assert.equal(worker.command, undefined, 'the command of the image');
    assert.ok(worker.resources.limits['memory']);
  });

  function portOf(name: string): number | undefined {
    return worker.ports.find((port) => port.name === name)?.containerPort;
  }

  function keyFiles(): [name: string, path: string][] {
    return Object.entries(env).filter(([name]) => name.endsWith('_FILE'));
  }

  /** Variables for a configuration that needs no files. */
  function plainKeys(): Record<string, string> {
    const names = keyFiles().map(([name]) => name);
    return Object.fromEntries(
      names.flatMap((name) => [
        [name, ''],
        [name.replace('_FILE', ''), 'a-key'],
      ]),
    );
  }
});

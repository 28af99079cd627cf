import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Resource } from '@opentelemetry/resources';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { SimplePlugin, type SimplePluginOptions } from '@temporalio/plugin';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  type BundleOptions,
  bundleWorkflowCode,
  NativeConnection,
  Worker,
  type WorkerOptions,
  type WorkerPlugin,
} from '@temporalio/worker';
import { BctrlClient, BctrlPlugin, createActivities, type PipelineReport } from 'bctrl-temporal';
import { API_KEY, startTestGateway } from './support/gateway.js';
import { createTimeSkippingEnv, workflowBundle } from './support/temporal.js';

const ownWorkflows = fileURLToPath(new URL('./library/workflows.ts', import.meta.url));

/** For tests that send no request. */
const client = new BctrlClient({ apiKey: API_KEY, baseUrl: 'http://127.0.0.1:9' });

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkippingEnv();
});
after(() => env.teardown());

const NAME = 'bctrl.BctrlPlugin';
/** The plugin adds it to the list, to see what the others have done. */
const CHECK = 'bctrl.BctrlPlugin.check';

const defaults = () => ({ connection: env.nativeConnection, taskQueue: randomUUID(), debugMode: true });

function createWorker(options: Partial<WorkerOptions>): Promise<Worker> {
  return Worker.create({ ...defaults(), ...options });
}

const namesOf = ({ options }: Worker) => (options.plugins ?? []).map(({ name }) => name);

function assertPrebuilt({ options }: Worker): void {
  assert.deepEqual([options.workflowBundle, options.workflowsPath], [workflowBundle(), undefined]);
}

/** Ends a worker, which holds the connection from its creation on. */
const stop = (worker: Worker) => worker.runUntil(Promise.resolve());

/** A plugin of somebody else, in both places of the list. */
function beside(
  options: Omit<SimplePluginOptions, 'name'>,
  own: BctrlPlugin,
): [where: string, plugins: WorkerPlugin[]][] {
  const other = new SimplePlugin({ name: 'other.Plugin', ...options });
  return [
    ['before', [other, own]],
    ['after', [own, other]],
  ];
}

describe('a plugin or activities', () => {
  const message = /^the bctrl activities need either client or clients: .* BctrlClient, .*$/;

  test('without a client are refused, by the compiler too', () => {
    // @ts-expect-error there is neither client nor clients
    assert.throws(() => new BctrlPlugin({}), { name: 'TypeError', message });
    // @ts-expect-error there is neither client nor clients
    assert.throws(() => new BctrlPlugin({ workflows: true }), { name: 'TypeError', message });
    // @ts-expect-error there is neither client nor clients
    assert.throws(() => createActivities({}), { name: 'TypeError', message });
  });

  test('with client and clients are refused, by the compiler too', () => {
    const clients = { eu: client };
    // @ts-expect-error there are both
    assert.throws(() => new BctrlPlugin({ client, clients }), { name: 'TypeError', message });
    // @ts-expect-error there are both
    assert.throws(() => createActivities({ client, clients }), { name: 'TypeError', message });
  });

  test('with something else than a client are refused, by the compiler too', () => {
    const apiKey = 'se-cret';
    const refuse = (make: () => unknown, message: string) =>
      assert.throws(make, { name: 'TypeError', message });
    // @ts-expect-error it is no client
    refuse(() => new BctrlPlugin({ client: { apiKey } }), 'client: expected a BctrlClient');
    // @ts-expect-error it is no client
    refuse(() => new BctrlPlugin({ clients: { eu: { apiKey } } }), 'clients.eu: expected a BctrlClient');
    const expected = 'clients: expected an object with a BctrlClient per account';
    refuse(() => new BctrlPlugin({ clients: {} }), expected);
    // @ts-expect-error it is a client instead of an object of clients
    assert.throws(() => new BctrlPlugin({ clients: client }), TypeError);
    refuse(() => new BctrlPlugin({ clients: { '': client } }), 'clients: a name must not be empty');
  });

  test('with a wrong row of the retry table are refused in one line', () => {
    assert.throws(() => new BctrlPlugin({ client, retryTable: { server: { maximumFailures: 0 } } }), {
      name: 'TypeError',
      message: 'retryTable.server.maximumFailures: expected a whole number above 0, or null',
    });
  });
});

test('the plugin has a name in Temporal’s form', () => {
  assert.equal(new BctrlPlugin({ client }).name, 'bctrl.BctrlPlugin');
});

describe('a worker is not created with', () => {
  const activities = { collectRuntimeFile: async () => 'mine' };
  const sameName = {
    name: 'TypeError',
    message:
      'BctrlPlugin adds the activity collectRuntimeFile, and the worker has another of this name: rename that one, or leave it out',
  };

  test('an own activity with the name of one of the plugin', async () => {
    await assert.rejects(createWorker({ activities, plugins: [new BctrlPlugin({ client })] }), sameName);
  });

  test('an activity with the name of one of the plugin, by a plugin before it', async () => {
    const other = new SimplePlugin({ name: 'other.Plugin', activities });
    await assert.rejects(createWorker({ plugins: [other, new BctrlPlugin({ client })] }), sameName);
  });

  const second = {
    name: 'TypeError',
    message:
      'the plugins of a worker and its connection have a second BctrlPlugin: keep one, with clients for several accounts',
  };

  test('a second plugin', async () => {
    const plugins = [new BctrlPlugin({ client }), new BctrlPlugin({ client })];
    await assert.rejects(createWorker({ plugins }), second);
  });

  test('a second plugin of the connection', async () => {
    const { address } = env;
    const connection = await NativeConnection.connect({ address, plugins: [new BctrlPlugin({ client })] });
    try {
      const plugins = [new BctrlPlugin({ client })];
      await assert.rejects(createWorker({ connection, plugins }), second);
    } finally {
      await connection.close();
    }
  });

  const otherWorkflows = { name: 'TypeError', message: /^BctrlPlugin with workflows: true .* re-export / };
  const sources = {
    workflowsPath: { workflowsPath: ownWorkflows },
    workflowBundle: { workflowBundle: workflowBundle() },
  };
  for (const [name, source] of Object.entries(sources)) {
    test(`workflows: true beside own workflows of ${name}`, async () => {
      const plugins = [new BctrlPlugin({ client, workflows: true })];
      await assert.rejects(createWorker({ ...source, plugins }), otherWorkflows);
    });

    for (const [where, plugins] of beside(source, new BctrlPlugin({ client, workflows: true }))) {
      test(`workflows: true beside ${name} of a plugin ${where} it`, async () => {
        await assert.rejects(createWorker({ plugins }), otherWorkflows);
      });

      // The SDK shows the plugins of a replay no options but those of the plugins before.
      if (name === 'workflowBundle' && where === 'after') continue;
      test(`workflows: true beside ${name} of a plugin ${where} it in a replay`, async () => {
        await assert.rejects(Worker.runReplayHistories({ plugins }, []).next(), otherWorkflows);
      });
    }

    test(`workflows: true beside ${name} of a replay`, async () => {
      const plugins = [new BctrlPlugin({ client, workflows: true })];
      await assert.rejects(Worker.runReplayHistories({ ...source, plugins }, []).next(), otherWorkflows);
    });
  }

  test('own workflows that are bundled with workflows: true', async () => {
    const plugins = [new BctrlPlugin({ client, workflows: true })];
    await assert.rejects(bundleWorkflowCode({ workflowsPath: ownWorkflows, plugins }), otherWorkflows);
  });
});

describe('a worker is created with', () => {
  const activities = { collect: async () => 'mine' };

  for (const [where, plugins] of beside({ activities }, new BctrlPlugin({ client }))) {
    test(`other activities, of the worker and of a plugin ${where} it`, async () => {
      const own = { mine: async () => 'mine' };
      const worker = await createWorker({ activities: own, workflowBundle: workflowBundle(), plugins });
      await stop(worker);
      const all = { ...activities, ...own, ...createActivities({ client }) };
      assert.deepEqual([...worker.options.activities.keys()].sort(), Object.keys(all).sort());
      assert.deepEqual(namesOf(worker), [...plugins.map(({ name }) => name), CHECK]);
    });
  }

  /** Puts a function around each activity, as plugins for traces, metrics or authorization do. */
  function createWrapping() {
    const wrappers = new Map<string, unknown>();
    const wrapping: WorkerPlugin = {
      name: 'other.Wrapping',
      configureWorker(options) {
        for (const name of Object.keys(options.activities ?? {})) wrappers.set(name, async () => 'wrapped');
        return { ...options, activities: Object.fromEntries(wrappers) };
      },
    };
    return { wrapping, wrappers };
  }

  test('the activities of the plugin as a plugin after it wraps them', async () => {
    const { wrapping, wrappers } = createWrapping();
    const worker = await createWorker({ plugins: [new BctrlPlugin({ client }), wrapping] });
    await stop(worker);
    assert.deepEqual([...wrappers.keys()], Object.keys(createActivities({ client })));
    assert.deepEqual(worker.options.activities, wrappers);
  });

  test('one plugin that both the connection and the worker have, and a plugin that wraps activities', async () => {
    const { wrapping, wrappers } = createWrapping();
    const plugin = new BctrlPlugin({ client });
    const connection = await NativeConnection.connect({ address: env.address, plugins: [plugin] });
    try {
      const worker = await createWorker({ connection, plugins: [plugin, wrapping] });
      await stop(worker);
      assert.deepEqual(namesOf(worker), [NAME, 'other.Wrapping', NAME, CHECK]);
      assert.deepEqual(worker.options.activities, wrappers);
    } finally {
      await connection.close();
    }
  });

  test('the prebuilt workflows by one plugin that both the connection and the worker have, twice', async () => {
    const plugins = [new BctrlPlugin({ client, workflows: true })];
    const connection = await NativeConnection.connect({ address: env.address, plugins });
    try {
      const options: WorkerOptions = { ...defaults(), connection, plugins };
      for (const names of [
        [NAME, NAME, CHECK],
        [NAME, NAME, CHECK, NAME],
      ]) {
        const worker = await Worker.create(options);
        await stop(worker);
        assert.deepEqual(namesOf(worker), names);
        assertPrebuilt(worker);
      }
    } finally {
      await connection.close();
    }
  });

  test('the same options twice', async () => {
    const options: WorkerOptions = {
      ...defaults(),
      plugins: [new BctrlPlugin({ client, workflows: true })],
    };
    for (let workers = 0; workers < 2; workers += 1) {
      const worker = await Worker.create(options);
      await stop(worker);
      assert.deepEqual(namesOf(worker), [NAME, CHECK]);
      assertPrebuilt(worker);
    }
  });

  test('the same options again after the hook of another plugin threw', async () => {
    let calls = 0;
    const failing: WorkerPlugin = {
      name: 'other.Plugin',
      configureWorker(options) {
        calls += 1;
        if (calls === 1) throw new Error('once');
        return options;
      },
    };
    const options: WorkerOptions = {
      ...defaults(),
      plugins: [new BctrlPlugin({ client, workflows: true }), failing],
    };
    await assert.rejects(Worker.create(options), { message: 'once' });
    const worker = await Worker.create(options);
    await stop(worker);
    assert.deepEqual(namesOf(worker), [NAME, 'other.Plugin', CHECK]);
  });

  test('a plugin after it that copies the list of plugins', async () => {
    const copying: WorkerPlugin = {
      name: 'other.Plugin',
      configureWorker: ({ plugins = [], ...options }) => ({ ...options, plugins: [...plugins] }),
    };
    const worker = await createWorker({ plugins: [new BctrlPlugin({ client }), copying] });
    await stop(worker);
    assert.deepEqual(namesOf(worker), [NAME, 'other.Plugin', CHECK]);
  });
});

describe('with workflows: true', () => {
  const plugin = new BctrlPlugin({ client, workflows: true });
  const taskQueue = 'any';

  test('the prebuilt bundle is used', () => {
    const { workflowBundle: used, workflowsPath } = plugin.configureWorker({ taskQueue, plugins: [plugin] });
    assert.deepEqual([used, workflowsPath], [workflowBundle(), undefined]);
  });

  const bundled: Readonly<Record<string, Partial<WorkerOptions>>> = {
    'interceptors of workflows': { interceptors: { workflowModules: ['mine.js'] } },
    'a payload converter': { dataConverter: { payloadConverterPath: 'mine.js' } },
    'a failure converter': { dataConverter: { failureConverterPath: 'mine.js' } },
    'options of the bundler': { bundlerOptions: { ignoreModules: ['mine'] } },
    'another plugin': { plugins: [plugin, { name: 'other.Plugin' }] },
  };
  for (const [what, options] of Object.entries(bundled)) {
    test(`the workflows are bundled with ${what}`, () => {
      const { workflowBundle: used, workflowsPath } = plugin.configureWorker({ taskQueue, ...options });
      assert.deepEqual([used, workflowsPath?.endsWith('/dist/workflows/index.js')], [undefined, true]);
    });
  }

  test('its interceptors are bundled first, for the SDK’s own payload converter only', () => {
    const other = { name: 'other.Plugin' };
    const { workflowsPath = '' } = plugin.configureWorker({ taskQueue, plugins: [plugin, other] });
    const options = { workflowsPath, workflowInterceptorModules: ['mine.js'] };
    const bundled = (more: Partial<BundleOptions>) => {
      const { workflowInterceptorModules = [] } = plugin.configureBundler({ ...options, ...more });
      return workflowInterceptorModules.map((path) => basename(path));
    };
    assert.deepEqual(bundled({}), ['interceptors.js', 'mine.js']);
    assert.deepEqual(bundled({ payloadConverterPath: 'mine.js' }), ['mine.js']);
  });

  test('a plugin without workflows leaves those of others as they are', () => {
    const options = { workflowsPath: ownWorkflows, workflowInterceptorModules: ['mine.js'] };
    const { workflowInterceptorModules } = new BctrlPlugin({ client }).configureBundler(options);
    assert.deepEqual(workflowInterceptorModules, ['mine.js']);
  });
});

/** A traced worker that runs the pipeline of one file, and then replays it. Returns the names of its spans. */
async function tracePipeline(
  t: TestContext,
  order: (bctrl: BctrlPlugin, tracing: OpenTelemetryPlugin) => WorkerPlugin[],
): Promise<string[]> {
  const gateway = await startTestGateway(t);
  await gateway.addFile('results.csv');
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl: gateway.url });
  t.after(() => client.close());
  const exporter = new InMemorySpanExporter();
  const spanProcessor = new SimpleSpanProcessor(exporter);
  const tracing = new OpenTelemetryPlugin({ resource: new Resource({}), spanProcessor });
  const plugins = order(new BctrlPlugin({ client, workflows: true }), tracing);
  const worker = await createWorker({ taskQueue: gateway.runtimeId, plugins });
  const handle = await worker.runUntil(async () => {
    const input = { runtimeId: gateway.runtimeId, files: [{ runtimePath: 'results.csv' }] };
    const options = { taskQueue: gateway.runtimeId, workflowId: gateway.runtimeId, args: [input] };
    const handle = await env.client.workflow.start('postRunPipeline', options);
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, 1);
    return handle;
  });
  await spanProcessor.forceFlush();
  const spans = exporter.getFinishedSpans().map(({ name }) => name);
  await Worker.runReplayHistory({ plugins }, await handle.fetchHistory());
  return spans;
}

describe('the plugin’s workflows are traced', () => {
  const workflowSpans = ['RunWorkflow:postRunPipeline', 'StartActivity:collectRuntimeFile'];

  test('by an OpenTelemetryPlugin after it', async (t) => {
    const spans = await tracePipeline(t, (bctrl, tracing) => [bctrl, tracing]);
    assert.deepEqual(spans.sort(), workflowSpans);
  });

  test('by an OpenTelemetryPlugin before it', async (t) => {
    const spans = await tracePipeline(t, (bctrl, tracing) => [tracing, bctrl]);
    assert.deepEqual(spans.sort(), workflowSpans);
  });
});

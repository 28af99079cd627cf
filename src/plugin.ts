import { SimplePlugin } from '@temporalio/plugin';
import type {
  BundleOptions,
  ReplayWorkerOptions,
  Worker,
  WorkerOptions,
  WorkerPlugin,
} from '@temporalio/worker';
import { type BctrlActivities, createActivitiesOfWorker } from './activities/create-activities.js';
import type { ActivitiesOptions } from './activities/dependencies.js';
import { WorkerShutdown } from './activities/worker-shutdown.js';
import { failureConverterPath } from './create-encryption.js';
import {
  addInterceptors,
  encryptedWorkflowBundle,
  sharedModule,
  workflowBundle,
  workflowsPath,
} from './own-workflows.js';

/** Options of {@link BctrlPlugin}: those of the activities, with either `client` or `clients`, and `workflows`. */
export type BctrlPluginOptions = ActivitiesOptions & WorkflowsOption;

/** Whether the worker runs the workflows of this package. */
export interface WorkflowsOption {
  /**
   * Also run this package's workflows. For a worker without workflows of its own; a worker with its own re-exports those of
   * `bctrl-temporal/workflow` instead. Default: false.
   */
  readonly workflows?: boolean | undefined;
}

/** `organization.PluginName`, as Temporal asks for. */
const NAME = 'bctrl.BctrlPlugin';

/** Of the plugin that checks what the others have done. */
const CHECK_NAME = `${NAME}.check`;

/**
 * Adds the bctrl activities to a worker and, on request, the workflows. A worker is not created if its own options or a plugin
 * before have an activity of the same name, if there is a second `BctrlPlugin`, or if there are workflows beside
 * `workflows: true`. A plugin after it may replace its activities, as one does that wraps them.
 */
export class BctrlPlugin extends SimplePlugin {
  readonly #activities: BctrlActivities;
  readonly #shutdown: WorkerShutdown;
  readonly #workflows: boolean;
  /**
   * Stays in the list of plugins: the SDK goes through the list while it is added, and a service may use the list once more. In
   * the list it also says that the activities were added.
   */
  readonly #check: WorkerPlugin;

  /** @throws TypeError naming a wrong option */
  constructor({ workflows = false, ...options }: BctrlPluginOptions) {
    const shutdown = new WorkerShutdown();
    const activities = createActivitiesOfWorker(options, shutdown);
    super({ name: NAME, activities });
    this.#activities = activities;
    this.#shutdown = shutdown;
    this.#workflows = workflows;
    this.#check = {
      name: CHECK_NAME,
      configureWorker: (final) => {
        this.#refuseWorkflows(final);
        return final;
      },
    };
  }

  /**
   * Adds the activities, and the workflows if the plugin has them. Temporal's SDK calls it.
   *
   * @throws TypeError for a collision, with what to do instead
   */
  override configureWorker(options: WorkerOptions): WorkerOptions {
    refuseSecondPlugin(options);
    if (this.#hasConfigured(options)) return options;
    this.#refuseActivities(options);
    const configured = super.configureWorker(this.#addWorkflows(options));
    const { plugins = [] } = configured;
    // The SDK visits the plugins in order, so that the last one sees what all others have done.
    if (!plugins.includes(this.#check)) plugins.push(this.#check);
    return configured;
  }

  /**
   * Adds the workflows if the plugin has them. Temporal's SDK calls it.
   *
   * @throws TypeError for a collision, with what to do instead
   */
  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    refuseSecondPlugin(options);
    return super.configureReplayWorker(this.#addWorkflows(options));
  }

  /**
   * Checks what is bundled, and has this package's modules loaded once for all workflows of a worker. Temporal's SDK calls it.
   *
   * @throws TypeError for a collision, with what to do instead
   */
  override configureBundler(options: BundleOptions): BundleOptions {
    this.#refuseWorkflows(options);
    const preloadModules = [...(options.preloadModules ?? []), sharedModule];
    const extended = this.#workflows ? addInterceptors(options) : options;
    return super.configureBundler({ ...extended, preloadModules });
  }

  /**
   * Tells the activities when the worker stops: they begin no further request then, and give their waits for jobs to other
   * workers. Temporal's SDK calls it.
   */
  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    await this.#shutdown.follow(worker, () => super.runWorker(worker, next));
  }

  /** The SDK calls a plugin twice that both the connection and the worker have. Others may have wrapped the activities since. */
  #hasConfigured({ plugins = [], activities = {} }: WorkerOptions): boolean {
    return (
      plugins.includes(this.#check) &&
      Object.keys(this.#activities).every((name) => Object.hasOwn(activities, name))
    );
  }

  #refuseActivities({ activities = {} }: WorkerOptions): void {
    const own = new Map<string, unknown>(Object.entries(this.#activities));
    for (const [name, activity] of Object.entries(activities)) {
      if (!own.has(name) || own.get(name) === activity) continue;
      throw new TypeError(
        `BctrlPlugin adds the activity ${name}, and the worker has another of this name: rename that one, or leave it out`,
      );
    }
  }

  #refuseWorkflows(options: WorkflowSource): void {
    if (!this.#workflows) return;
    const { workflowsPath: path = workflowsPath, workflowBundle: bundle = workflowBundle } = options;
    if (path === workflowsPath && (bundle === workflowBundle || bundle === encryptedWorkflowBundle)) return;
    throw new TypeError(
      "BctrlPlugin with workflows: true is for a worker without other workflows: leave out workflows, and re-export those of 'bctrl-temporal/workflow' from your workflow file",
    );
  }

  #addWorkflows<T extends WorkerOptions | ReplayWorkerOptions>(options: T): T {
    if (!this.#workflows) return options;
    this.#refuseWorkflows(options);
    const hasFailureConverter = options.dataConverter?.failureConverterPath !== undefined;
    const prebuilt = hasFailureConverter ? encryptedWorkflowBundle : workflowBundle;
    const isUsable = prebuilt !== undefined && !changesBundle(options);
    return { ...options, ...(isUsable ? { workflowBundle: prebuilt } : { workflowsPath }) };
  }
}

interface WorkflowSource {
  readonly workflowsPath?: string;
  readonly workflowBundle?: unknown;
}

function refuseSecondPlugin({ plugins = [] }: { readonly plugins?: readonly WorkerPlugin[] }): void {
  // The same one is in both lists if both are given it.
  if (new Set(plugins.filter(({ name }) => name === NAME)).size < 2) return;
  throw new TypeError(
    'the plugins of a worker and its connection have a second BctrlPlugin: keep one, with clients for several accounts',
  );
}

/**
 * Whether something in the options has to be bundled with the workflows. A prebuilt bundle ignores it. Any other plugin may add
 * interceptors of workflows, as that of OpenTelemetry does, to the options or to the bundler's.
 */
function changesBundle(options: WorkerOptions | ReplayWorkerOptions): boolean {
  const { plugins = [], interceptors, dataConverter, bundlerOptions } = options;
  return (
    plugins.some(({ name }) => name !== NAME && name !== CHECK_NAME) ||
    (interceptors?.workflowModules ?? []).length > 0 ||
    dataConverter?.payloadConverterPath !== undefined ||
    ![undefined, failureConverterPath()].includes(dataConverter?.failureConverterPath) ||
    bundlerOptions !== undefined
  );
}

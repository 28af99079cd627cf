import { fileURLToPath } from 'node:url';
import { SimplePlugin } from '@temporalio/plugin';
import { createActivities } from './activities/create-activities.js';
import type { ActivitiesOptions } from './activities/dependencies.js';

/** Options of {@link BctrlPlugin}: those of the activities, with either `client` or `clients`, and `workflows`. */
export type BctrlPluginOptions = ActivitiesOptions & WorkflowsOption;

export interface WorkflowsOption {
  /**
   * Also run this package's workflows, from their prebuilt bundle. For a worker without workflows of its own; a worker
   * with its own re-exports those of `bctrl-temporal/workflow` instead. Default: false.
   */
  readonly workflows?: boolean | undefined;
}

const codePath = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));

/** Adds the bctrl activities to a worker and, on request, the workflows. */
export class BctrlPlugin extends SimplePlugin {
  constructor({ workflows = false, ...options }: BctrlPluginOptions) {
    super({
      name: 'bctrl-temporal',
      activities: createActivities(options),
      ...(workflows && { workflowBundle: { codePath } }),
    });
  }
}

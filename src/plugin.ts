import { fileURLToPath } from 'node:url';
import { SimplePlugin } from '@temporalio/plugin';
import { type ActivitiesOptions, createActivities } from './activities/create-activities.js';

export interface BctrlPluginOptions extends ActivitiesOptions {
  /**
   * Also run the workflows of this package, from their prebuilt bundle: for a worker that has no workflows of its own.
   * One that has them exports those of `bctrl-temporal/workflow` beside its own instead. Default: false.
   */
  readonly workflows?: boolean | undefined;
}

const codePath = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));

/** Adds the bctrl activities, and if asked the workflows, to a worker. */
export class BctrlPlugin extends SimplePlugin {
  constructor({ workflows = false, ...options }: BctrlPluginOptions) {
    super({
      name: 'bctrl-temporal',
      activities: createActivities(options),
      ...(workflows && { workflowBundle: { codePath } }),
    });
  }
}

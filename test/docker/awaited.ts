/** What the containers use already and the sources do not have yet: each entry goes with the change that brings it. */
export const awaited = {
  variables: ['BCTRL_METRICS_ADDRESS', 'BCTRL_HEALTH_ADDRESS', 'BCTRL_LOG_FORMAT'],
  commands: ['setup'],
};

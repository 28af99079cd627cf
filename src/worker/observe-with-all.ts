import type { BctrlClientObserver } from '../bctrl/client-observer.js';

/** One observer for several; none where there are none, so that a client without pays nothing. */
export function observeWithAll(observers: readonly BctrlClientObserver[]): BctrlClientObserver | undefined {
  if (observers.length <= 1) return observers[0];
  return {
    requestSent(operation) {
      for (const observer of observers) observer.requestSent(operation);
    },
    requestEnded(operation, status) {
      for (const observer of observers) observer.requestEnded(operation, status);
    },
    heldBack(durationMs) {
      for (const observer of observers) observer.heldBack(durationMs);
    },
  };
}

import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into a worker before its own code, with --import. It answers a message with what the process holds: timers, and the heap
 * after a garbage collection, which needs --expose-gc. It does not keep the process alive.
 */
if (isMainThread && process.send) {
  process.on('message', ({ ask }) => {
    globalThis.gc();
    const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const { heapUsed, rss } = process.memoryUsage();
    process.send({ ask, timers, heapBytes: heapUsed, rssBytes: rss });
  });
  process.channel.unref();
}

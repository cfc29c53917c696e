'use strict';
// Deadlines of many requests under one timer: a timer for each would cost more than the request's
// judgement.

/** Deadlines of one length: whoever waits, in the order of their ends, and one timer for the first. */
function clock(length) {
  const running = new Set();
  let timer;
  const tick = () => {
    timer = undefined;
    const now = performance.now();
    for (const one of running) {
      if (one.end > now) {
        arm(one.end - now);
        return;
      }
      running.delete(one);
      one.expire();
    }
  };
  const arm = (after) => {
    timer ??= setTimeout(tick, Math.max(1, Math.ceil(after))).unref();
  };
  return {
    /** A request that is tried again keeps its first deadline. */
    start(one) {
      if (running.has(one)) return;
      if (one.end === 0) one.end = performance.now() + length;
      running.add(one);
      arm(length);
    },
    stop: (one) => running.delete(one),
  };
}

module.exports = { clock };

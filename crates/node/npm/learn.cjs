'use strict';
// Runs in front of each Node process of a run that is recorded; it tells nothing yet.
const record = process.env.RINGFENCE_LEARN;
if (record === undefined) return;

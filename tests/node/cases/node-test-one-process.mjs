/*
promise: node --test runs all files in one process and starts no child
node: >=23.6
program: --test --test-isolation=none --test-reporter=tap fixtures/first.test.mjs fixtures/second.test.mjs
cwd: ${suite}
keep: # tests|# pass|# fail
---
[fs]
read = ["${suite}"]
*/

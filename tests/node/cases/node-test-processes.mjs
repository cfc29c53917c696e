/*
promise: node --test runs each file in a process of its own
program: --test --test-reporter=tap fixtures/first.test.mjs fixtures/second.test.mjs
cwd: ${suite}
keep: # tests|# pass|# fail
---
[fs]
read = ["${suite}"]
[process]
children = ["${node}"]
*/

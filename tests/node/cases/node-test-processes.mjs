/*
promise: node --test runs each file in a process of its own
program: --test --test-reporter=tap ${suite}/fixtures/first.test.mjs ${suite}/fixtures/second.test.mjs
keep: # tests|# pass|# fail
---
[fs]
read = ["${suite}"]
[process]
children = ["${node}"]
*/

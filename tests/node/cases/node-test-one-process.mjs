/*
promise: node --test runs all files in one process and starts no child
node: >=23.6
program: --test --test-isolation=none --test-reporter=tap ${suite}/fixtures/first.test.mjs ${suite}/fixtures/second.test.mjs
keep: # tests|# pass|# fail
---
[fs]
read = ["${suite}"]
*/

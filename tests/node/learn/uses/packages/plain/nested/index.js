const { execFileSync, spawnSync } = require('child_process');
module.exports = () => {
  void process.env.NESTED_VARIABLE;
  spawnSync('true', { env: { A: '1' } });
  execFileSync('sh', ['-c', 'exit 0']);
  try {
    process.dlopen({ exports: {} }, '/nowhere/nested.node');
  } catch {
    // There is none.
  }
};

// starts a shell
import { execFileSync } from 'node:child_process';

try {
  const output = execFileSync('/bin/sh', ['-c', 'echo started'], { encoding: 'utf8' });
  console.log(JSON.stringify({ reached: true, saw: output.trim() }));
} catch (error) {
  console.log(JSON.stringify({ reached: false, saw: error.code }));
}

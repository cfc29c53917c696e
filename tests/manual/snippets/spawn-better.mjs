import { spawn } from 'node:child_process';
const child = spawn('convert', [safeInputPath, 'out.png'], {
shell: false,
env: {
PATH: '/usr/bin:/bin',
},
stdio: ['ignore', 'pipe', 'pipe'],
});

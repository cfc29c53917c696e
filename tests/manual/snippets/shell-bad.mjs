import { exec } from 'node:child_process';
exec(`convert ${userFile} out.png`);

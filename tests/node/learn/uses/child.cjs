void process.env.CHILD_VARIABLE;
require('fs').readFileSync(`child-${process.argv[2]}.txt`);
if (process.env.NODE_OPTIONS !== undefined || process.env.RINGFENCE_LEARN !== undefined) process.exit(1);

void process.env.OTHER_VARIABLE;

// Node-RED's own settings; everything that it writes goes to `run`.
module.exports = {
  uiHost: '127.0.0.1',
  uiPort: 18505,
  userDir: `${__dirname}/run`,
  flowFile: 'flows.json',
  credentialSecret: false,
  telemetry: { enabled: false },
  editorTheme: { tours: false },
  // New nodes come with the lockfile, not through the editor: no npm is started.
  externalModules: {
    palette: { allowInstall: false, allowUpload: false },
    modules: { allowInstall: false },
  },
  functionExternalModules: false,
  diagnostics: { enabled: false, ui: false },
};

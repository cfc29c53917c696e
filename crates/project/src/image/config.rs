//! How an image says it is started.

use serde::Deserialize;

/// The configuration of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `USER`; empty is root.
    pub user: String,
    /// `ENTRYPOINT`
    pub entrypoint: Vec<String>,
    /// `CMD`
    pub command: Vec<String>,
    /// `ENV`: names and values.
    pub environment: Vec<(String, String)>,
    /// `EXPOSE`, such as `8080/tcp`.
    pub ports: Vec<String>,
    /// `VOLUME`
    pub volumes: Vec<String>,
    /// `WORKDIR`
    pub folder: String,
    /// `STOPSIGNAL`
    pub stop_signal: String,
    /// `LABEL`
    pub labels: Vec<(String, String)>,
    /// `HEALTHCHECK`, which the engine runs in the container: `CMD` or `CMD-SHELL`, and words.
    pub health: Vec<String>,
    /// `ONBUILD`: what images that are built from this one do first.
    pub on_build: Vec<String>,
    /// What each step of the build ran, with the arguments it was given.
    pub history: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    config: Option<Inner>,
    #[serde(default)]
    history: Option<Vec<Step>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Health {
    test: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Inner {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    exposed_ports: Option<serde_json::Map<String, serde_json::Value>>,
    volumes: Option<serde_json::Map<String, serde_json::Value>>,
    working_dir: Option<String>,
    healthcheck: Option<Health>,
    on_build: Option<Vec<String>>,
    stop_signal: Option<String>,
    labels: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    created_by: Option<String>,
}

impl Config {
    /// Reads the configuration's JSON.
    ///
    /// # Errors
    /// It is no configuration.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(bytes)?;
        let inner = document.config.unwrap_or_default();
        let keys = |map: Option<serde_json::Map<String, serde_json::Value>>| {
            map.unwrap_or_default().into_iter().map(|(key, _)| key).collect()
        };
        let pair = |text: String| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (text, String::new()),
        };
        Ok(Self {
            user: inner.user.unwrap_or_default(),
            entrypoint: inner.entrypoint.unwrap_or_default(),
            command: inner.cmd.unwrap_or_default(),
            environment: inner.env.unwrap_or_default().into_iter().map(pair).collect(),
            ports: keys(inner.exposed_ports),
            volumes: keys(inner.volumes),
            folder: inner.working_dir.unwrap_or_default(),
            health: inner.healthcheck.and_then(|health| health.test).unwrap_or_default(),
            on_build: inner.on_build.unwrap_or_default(),
            stop_signal: inner.stop_signal.unwrap_or_default(),
            labels: inner.labels.unwrap_or_default().into_iter().collect(),
            history: document
                .history
                .unwrap_or_default()
                .into_iter()
                .filter_map(|step| step.created_by)
                .collect(),
        })
    }
}

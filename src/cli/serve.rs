//! `imba serve`.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tracing::{Level, info};

use super::{CommandError, ConfigArgs};
use crate::app::{App, StartError, listen};
use crate::config::Config;
use crate::telemetry::access_log::AccessLog;
use crate::shutdown::stop_signal;
use crate::telemetry::log;

pub(super) fn serve(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let telemetry = log::init(config.log).map_err(CommandError::failed)?;
    // Its lines are at level info.
    let access_log = (config.log.access && config.log.level >= Level::INFO)
        .then(|| AccessLog::new(telemetry.lines.clone(), telemetry.json));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
    runtime.block_on(run(&config, access_log))
}

async fn run(config: &Config, access_log: Option<AccessLog>) -> Result<(), CommandError> {
    let stop = stop_signal().map_err(CommandError::failed)?;
    let hang_up = signal(SignalKind::hangup()).map_err(CommandError::failed)?;
    let app = App::build(config, access_log).await?;
    tokio::spawn(reload_on(hang_up, app.reload_now()));
    let listener = listen(&config.server).await?;
    let address = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: config.server.listen, source })?;
    info!(server.address = %address, "listening on http://{address}/");
    app.serve(listener, stop).await;
    Ok(())
}

/// SIGHUP asks for the newest model and table, as it asks other servers to read their files again.
async fn reload_on(mut hang_up: Signal, reload_now: Vec<Arc<Notify>>) {
    while hang_up.recv().await.is_some() {
        if reload_now.is_empty() {
            info!("SIGHUP: neither model nor table is in this process; there is nothing to reload");
        } else {
            info!("SIGHUP: looking for a new model and table");
        }
        for now in &reload_now {
            now.notify_one();
        }
    }
}

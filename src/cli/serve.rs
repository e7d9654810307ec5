//! `imba serve`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{Level, info};

use super::{CommandError, ConfigArgs};
use crate::app::{App, StartError, listen, listen_admin};
use crate::config::Config;
use crate::config::source::{Origin, Raw, Settings};
use crate::shutdown::stop_signal;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::log::{self, Telemetry};

/// How long to wait, after the drain or a stop during start-up, for blocking work on files, which cannot be cancelled.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port to listen on, overriding server.listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) fn serve(args: &ServeArgs) -> Result<(), CommandError> {
    let mut settings = Settings::layered(&args.config.files);
    if let Some(listen) = &args.listen {
        settings.set("server.listen", Raw::Text(listen.clone()), Origin::Flag("--listen"));
    }
    let config = Config::resolve(&settings)?;
    let telemetry = log::init(config.log).map_err(CommandError::failed)?;
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
    let served = runtime.block_on(run(config, &telemetry));
    runtime.shutdown_timeout(LEFT_BEHIND);
    served
}

async fn run(config: Config, telemetry: &Telemetry) -> Result<(), CommandError> {
    let stop = stop_signal(telemetry.lines.clone()).map_err(CommandError::failed)?;
    let hang_up = signal(SignalKind::hangup()).map_err(CommandError::failed)?;
    // Access log lines are at level info.
    let access_log = (config.log.access && config.log.level >= Level::INFO)
        .then(|| AccessLog::new(telemetry.lines.clone(), telemetry.json));
    let mut stop = pin!(stop);
    let server = config.server.clone();
    // Start-up does blocking reads: on a thread of its own, so that a signal is heard meanwhile.
    let start = spawn_blocking(move || Handle::current().block_on(App::build(&config, access_log)));
    let app = tokio::select! {
        () = &mut stop => {
            info!("stopped before the service was ready");
            return Ok(());
        }
        started = start => started.map_err(CommandError::failed)??,
    };
    tokio::spawn(reload_on(hang_up, app.reload_now()));
    let listener = listen(&server)?;
    let address =
        listener.local_addr().map_err(|source| StartError::Listen { address: server.listen, source })?;
    let admin = listen_admin(&server)?;
    if let Some(admin) = admin.as_ref().and_then(|admin| admin.local_addr().ok()) {
        info!(server.admin_address = %admin, "metrics on http://{admin}/metrics");
    }
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    info!(server.address = %address, "listening on {scheme}://{address}/");
    app.with_admin(admin).serve(listener, stop).await;
    Ok(())
}

/// SIGHUP reloads the model, table, keys and certificates, as it makes other servers re-read their files.
async fn reload_on(mut hang_up: Signal, reload_now: Vec<Arc<Notify>>) {
    while hang_up.recv().await.is_some() {
        if reload_now.is_empty() {
            info!("SIGHUP: this process holds nothing that can be reloaded");
        } else {
            info!("SIGHUP: looking for a new model, table, keys and certificates");
        }
        for now in &reload_now {
            now.notify_one();
        }
    }
}

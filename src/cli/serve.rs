//! `imba serve`.

use tracing::info;

use super::{CommandError, ConfigArgs};
use crate::app::{App, StartError, listen};
use crate::config::Config;
use crate::http::AccessLog;
use crate::shutdown::stop_signal;
use crate::telemetry;

pub(super) fn serve(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let telemetry = telemetry::init(config.log).map_err(CommandError::failed)?;
    let access_log = config.log.access.then(|| AccessLog::new(telemetry.lines.clone(), telemetry.json));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
    runtime.block_on(run(&config, access_log))
}

async fn run(config: &Config, access_log: Option<AccessLog>) -> Result<(), CommandError> {
    let stop = stop_signal().map_err(CommandError::failed)?;
    let app = App::build(config, access_log).await?;
    let listener = listen(&config.server).await?;
    let address = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: config.server.listen, source })?;
    info!(server.address = %address, "listening on http://{address}/");
    app.serve(listener, stop).await;
    Ok(())
}

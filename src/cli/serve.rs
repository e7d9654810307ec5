//! `imba serve`.

use tracing::info;

use super::{CommandError, ConfigArgs};
use crate::app::{App, StartError, listen};
use crate::config::Config;
use crate::shutdown::stop_signal;
use crate::telemetry;

pub(super) fn serve(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let _flush = telemetry::init(config.log).map_err(CommandError::failed)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
    runtime.block_on(run(&config))
}

async fn run(config: &Config) -> Result<(), CommandError> {
    let stop = stop_signal().map_err(CommandError::failed)?;
    let app = App::build(config).await?;
    let listener = listen(&config.server).await?;
    let address = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: config.server.listen, source })?;
    info!(server.address = %address, "listening on http://{address}/");
    app.serve(listener, stop).await;
    Ok(())
}
